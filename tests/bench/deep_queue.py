"""The local AWS endpoint (ministack) with a queue that is as quick when it is deep as when it is empty.

ministack looks at every message of a queue for each receive and each delete: at 100,000 messages ten cells take a quarter
of a second of its processor, and a load run measures little else. Four of its functions are replaced by ones with the same
answers that look no further than they need to. They lean on what holds for a standard queue without delays: messages lie
in the order in which they were sent and are received from the front, so behind one that nobody has received there is none
that somebody has.

Runs in the endpoint's own Python, with its settings: .venv/bin/python tests/bench/deep_queue.py
"""

import json
import time

from ministack.app import main
from ministack.services import sqs


def received(messages):
    """Those that were received before: the front of the queue."""
    for message in messages:
        if message["receive_count"] == 0:
            return
        yield message


def expire_retained(queue):
    messages = queue["messages"]
    retention = int(queue["attributes"].get("MessageRetentionPeriod", "345600"))
    while messages and messages[0].get("sent_at", time.time()) <= time.time() - retention:
        del messages[0]


def dead_letter_sweep(queue):
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    most, now = int(policy.get("maxReceiveCount", 0)), time.time()
    if most and any(m["receive_count"] >= most and m["visible_at"] <= now for m in received(queue["messages"])):
        whole_sweep(queue)


def collect(queue, most, hidden_s):
    if queue["is_fifo"]:
        return whole_collect(queue, most, hidden_s)
    now, collected = time.time(), []
    for message in queue["messages"]:
        if len(collected) == most:
            break
        sqs._ensure_msg_fields(message)
        if message["visible_at"] <= now:
            collected.append(message)
    for message in collected:
        message["receipt_handle"] = sqs.new_uuid()
        message["visible_at"] = now + hidden_s
        message["receive_count"] += 1
        if message["first_receive_at"] is None:
            message["first_receive_at"] = now
    return collected


def delete_batch(data, url):
    queue = sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage")
    entries = data.get("Entries", [])
    sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
    messages, done, failed = queue["messages"], [], []
    for entry in entries:
        receipt = entry.get("ReceiptHandle", "")
        places = (at for at, m in enumerate(received(messages)) if m["receipt_handle"] == receipt)
        place = next(places, None)
        if place is None:
            failed.append({
                "Id": entry.get("Id", ""),
                "Code": "ReceiptHandleIsInvalid",
                "Message": "The input receipt handle is invalid.",
                "SenderFault": True,
            })
        else:
            del messages[place]
            done.append({"Id": entry.get("Id", "")})
    return {"Successful": done, "Failed": failed}


whole_sweep, whole_collect = sqs._dlq_sweep, sqs._collect_msgs
sqs._expire_retained = expire_retained
sqs._dlq_sweep = dead_letter_sweep
sqs._collect_msgs = collect
sqs._HANDLERS["DeleteMessageBatch"] = delete_batch

if __name__ == "__main__":
    main()
