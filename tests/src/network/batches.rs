//! Services that carry out a batch in part: "check for batch errors even when the call returns an
//! HTTP 200" (SQS API reference, `SendMessageBatch`), and the same of `UnprocessedKeys` (DynamoDB
//! API reference, `BatchGetItem`).

use serde_json::{Map, Value, json};

use super::http::{self, Request};

/// The entries of a batch that are not passed on.
#[derive(Debug, Default)]
pub(super) struct Withheld {
    /// Ids of messages.
    entries: Vec<Value>,
    /// By table, the keys of items.
    keys: Map<String, Value>,
}

/// Takes out of a batch each entry for which `drawn` is true.
pub(super) fn withhold(request: &mut Request, mut drawn: impl FnMut() -> bool) -> Withheld {
    let mut undone = Withheld::default();
    let Some(mut body) = request.json() else {
        return undone;
    };
    if let Some(Value::Array(entries)) = body.get_mut("Entries") {
        undone.entries = entries
            .extract_if(.., |_| drawn())
            .map(|mut entry| entry["Id"].take())
            .collect();
    }
    if let Some(Value::Object(tables)) = body.get_mut("RequestItems") {
        for (table, of_table) in tables.iter_mut() {
            if let Some(Value::Array(keys)) = of_table.get_mut("Keys") {
                let withheld: Vec<Value> = keys.extract_if(.., |_| drawn()).collect();
                if !withheld.is_empty() {
                    let mut of_table = of_table.clone();
                    of_table["Keys"] = withheld.into();
                    undone.keys.insert(table.clone(), of_table);
                }
            }
        }
        tables.retain(|_, of_table| {
            of_table["Keys"]
                .as_array()
                .is_none_or(|keys| !keys.is_empty())
        });
    }
    if undone.len() > 0 {
        request.set_json(&body);
    }
    undone
}

/// The answer to a batch of which no entry is passed on.
pub(super) fn nothing() -> Vec<u8> {
    http::answer(200, "application/x-amz-json-1.0", b"{}")
}

impl Request {
    /// Whether any entry is left to pass on.
    pub(super) fn has_entries(&self) -> bool {
        let empty = |list: &Value| match list {
            Value::Array(list) => list.is_empty(),
            Value::Object(list) => list.is_empty(),
            _ => false,
        };
        let body = self.json().unwrap_or_default();
        ["Entries", "RequestItems"]
            .iter()
            .all(|name| !body.get(name).is_some_and(empty))
    }
}

impl Withheld {
    /// How many entries.
    pub(super) fn len(&self) -> usize {
        let keys = self
            .keys
            .values()
            .filter_map(|of_table| of_table["Keys"].as_array());
        self.entries.len() + keys.map(Vec::len).sum::<usize>()
    }

    /// The endpoint's answer to the rest, with the withheld entries reported as the service reports
    /// them.
    pub(super) fn add_to(self, answer: &[u8]) -> Vec<u8> {
        if self.len() == 0 {
            return answer.to_vec();
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(http::body(answer)) else {
            return answer.to_vec();
        };
        if body.get("__type").is_some() {
            return answer.to_vec();
        }
        if !self.entries.is_empty() {
            let failed =
                |id: Value| json!({"Id": id, "SenderFault": false, "Code": "InternalError"});
            body["Failed"] = self.entries.into_iter().map(failed).collect();
            if body.get("Successful").is_none() {
                body["Successful"] = json!([]);
            }
        }
        if !self.keys.is_empty() {
            body["UnprocessedKeys"] = self.keys.into();
            if body.get("Responses").is_none() {
                body["Responses"] = json!({});
            }
        }
        http::answer(
            200,
            "application/x-amz-json-1.0",
            body.to_string().as_bytes(),
        )
    }
}
