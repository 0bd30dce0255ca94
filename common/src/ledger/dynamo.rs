//! Writes as DynamoDB expressions, and items from and to DynamoDB's attribute values.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Item, Key, Value, attribute};
use super::write::{Action, Condition};
use crate::deployment::{PARTITION_KEY, SORT_KEY};

/// An item in the table has a shape that this version cannot read: another version or another
/// program wrote it.
#[derive(Debug, thiserror::Error)]
#[error(
    "attribute {name} of a ledger item holds {found}, which this version cannot read; was it written by a newer one?"
)]
pub struct CodecError {
    name: String,
    found: String,
}

impl CodecError {
    /// The complaint that attribute `name` holds `found`.
    pub(super) fn new(name: &str, found: &str) -> Self {
        Self {
            name: name.to_owned(),
            found: found.to_owned(),
        }
    }
}

/// The key as DynamoDB wants it.
pub(super) fn key(key: &Key) -> HashMap<String, AttributeValue> {
    HashMap::from([
        (PARTITION_KEY.to_owned(), AttributeValue::S(key.partition())),
        (SORT_KEY.to_owned(), AttributeValue::S(key.sort())),
    ])
}

/// Reads an item's attributes; those that the ledger does not know, the keys among them, are left
/// out.
pub(super) fn item(attributes: &HashMap<String, AttributeValue>) -> Result<Item, CodecError> {
    attributes
        .iter()
        .filter_map(|(name, value)| attribute::known(name).map(|known| (known, value)))
        .map(|(name, value)| match self::value(value) {
            Some(value) => Ok((name, value)),
            None => Err(CodecError::new(name, &format!("{value:?}"))),
        })
        .collect()
}

fn value(value: &AttributeValue) -> Option<Value> {
    match value {
        AttributeValue::S(text) => Some(Value::Text(text.clone())),
        AttributeValue::N(number) => number.parse().ok().map(Value::Number),
        AttributeValue::Bool(flag) => Some(Value::Flag(*flag)),
        AttributeValue::Ns(numbers) => numbers
            .iter()
            .map(|number| number.parse().ok())
            .collect::<Option<BTreeSet<u32>>>()
            .map(Value::Numbers),
        _ => None,
    }
}

fn attribute_value(value: &Value) -> AttributeValue {
    match value {
        Value::Text(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Numbers(numbers) => numbers_value(numbers),
        Value::Flag(flag) => AttributeValue::Bool(*flag),
    }
}

fn numbers_value(numbers: &BTreeSet<u32>) -> AttributeValue {
    AttributeValue::Ns(numbers.iter().map(u32::to_string).collect())
}

/// The expressions of a write or a check, with the names and values that they refer to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expressions {
    pub(super) update: Option<String>,
    pub(super) condition: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
}

/// Collects names and values while expressions are written; every name goes by a placeholder,
/// because half of the ledger's names are reserved words of DynamoDB ("Reserved words in DynamoDB":
/// STATE, SIZE, OUTPUT, …).
#[derive(Default)]
struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Placeholders {
    fn name(&mut self, name: &'static str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}

/// Writes the expressions for `conditions` and `actions`.
pub(super) fn expressions(conditions: &[Condition], actions: &[Action]) -> Expressions {
    let mut places = Placeholders::default();
    let (mut set, mut add, mut delete, mut remove) = (vec![], vec![], vec![], vec![]);
    // Each action belongs to one clause of the update.
    for action in actions {
        match action {
            Action::Set(name, value) => {
                let (name, value) = (places.name(name), places.value(attribute_value(value)));
                set.push(format!("{name} = {value}"));
            }
            Action::SetOnce(name, value) => {
                let (name, value) = (places.name(name), places.value(attribute_value(value)));
                set.push(format!("{name} = if_not_exists({name}, {value})"));
            }
            Action::Count(name, by) => {
                let (name, by) = (
                    places.name(name),
                    places.value(AttributeValue::N(by.to_string())),
                );
                add.push(format!("{name} {by}"));
            }
            Action::Insert(name, elements) => {
                let (name, elements) = (places.name(name), places.value(numbers_value(elements)));
                add.push(format!("{name} {elements}"));
            }
            Action::Take(name, elements) => {
                let (name, elements) = (places.name(name), places.value(numbers_value(elements)));
                delete.push(format!("{name} {elements}"));
            }
            Action::Remove(name) => remove.push(places.name(name)),
        }
    }
    // A clause without parts is left out: DynamoDB refuses it.
    let clauses = [
        ("SET", set),
        ("ADD", add),
        ("DELETE", delete),
        ("REMOVE", remove),
    ];
    let update: Vec<String> = clauses
        .into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
        .collect();
    let condition: Vec<String> = conditions
        .iter()
        .map(|condition| self::condition(condition, &mut places))
        .collect();
    Expressions {
        update: (!update.is_empty()).then(|| update.join(" ")),
        condition: (!condition.is_empty()).then(|| condition.join(" AND ")),
        names: (!places.names.is_empty()).then_some(places.names),
        values: (!places.values.is_empty()).then_some(places.values),
    }
}

fn condition(condition: &Condition, places: &mut Placeholders) -> String {
    match condition {
        Condition::Absent(name) => format!("attribute_not_exists({})", places.name(name)),
        Condition::Exists(name) => format!("attribute_exists({})", places.name(name)),
        Condition::Is(name, value) => {
            let (name, value) = (places.name(name), places.value(attribute_value(value)));
            format!("{name} = {value}")
        }
        Condition::IsNot(name, value) => {
            let (name, value) = (places.name(name), places.value(attribute_value(value)));
            format!("(attribute_not_exists({name}) OR {name} <> {value})")
        }
        Condition::AbsentOrBelow(name, bound) => {
            let (name, bound) = (
                places.name(name),
                places.value(AttributeValue::N(bound.to_string())),
            );
            format!("(attribute_not_exists({name}) OR {name} < {bound})")
        }
        Condition::AtLeast(name, bound) => {
            let (name, bound) = (
                places.name(name),
                places.value(AttributeValue::N(bound.to_string())),
            );
            format!("{name} >= {bound}")
        }
        Condition::Contains(name, element) => {
            let (name, element) = (
                places.name(name),
                places.value(AttributeValue::N(element.to_string())),
            );
            format!("contains({name}, {element})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::attribute::{FAILED, FAILURES, PENDING, STATE};

    #[test]
    fn clauses_of_one_kind_are_joined_and_every_name_is_a_placeholder() {
        let written = expressions(
            &[
                Condition::Contains(PENDING, 7),
                Condition::IsNot(STATE, "ok".into()),
            ],
            &[
                Action::Take(PENDING, [7].into()),
                Action::Insert(FAILED, [7].into()),
                Action::Count(FAILURES, 1),
            ],
        );
        assert_eq!(
            written.update.as_deref(),
            Some("ADD #failed :v1, #failures :v2 DELETE #pending :v0")
        );
        assert_eq!(
            written.condition.as_deref(),
            Some("contains(#pending, :v3) AND (attribute_not_exists(#state) OR #state <> :v4)")
        );
        assert_eq!(written.names.unwrap().len(), 4);
    }

    #[test]
    fn attributes_of_other_writers_are_left_out_and_broken_ones_are_named() {
        let known = HashMap::from([
            ("pk".to_owned(), AttributeValue::S("T#t".into())),
            (
                "pending".to_owned(),
                AttributeValue::Ns(vec!["1".into(), "2".into()]),
            ),
        ]);
        assert_eq!(
            item(&known).unwrap(),
            Item::from([(PENDING, Value::Numbers([1, 2].into()))])
        );
        let broken = HashMap::from([("pending".to_owned(), AttributeValue::Ns(vec!["x".into()]))]);
        assert!(
            item(&broken)
                .unwrap_err()
                .to_string()
                .contains("attribute pending of a ledger item holds")
        );
    }
}
