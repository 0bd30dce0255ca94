//! Conditional writes and transactions as values, with their meaning in memory.

use std::collections::BTreeSet;

use super::item::{Item, Key, Value};

/// What must hold of an item for a [`Write`] to happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// There is no such item, or it lacks the attribute.
    Absent(&'static str),
    /// The item has the attribute.
    Exists(&'static str),
    /// The attribute has exactly this value.
    Is(&'static str, Value),
    /// The attribute is absent or has another value.
    IsNot(&'static str, Value),
    /// The attribute is absent or a number below this one.
    AbsentOrBelow(&'static str, i64),
    /// The attribute is a number of at least this one.
    AtLeast(&'static str, i64),
    /// The attribute is a number set with this element.
    Contains(&'static str, u32),
}

impl Condition {
    /// Whether the condition holds of `item`.
    pub fn holds(&self, item: Option<&Item>) -> bool {
        let value = |name: &str| item.and_then(|item| item.get(name));
        match self {
            Self::Absent(name) => value(name).is_none(),
            Self::Exists(name) => value(name).is_some(),
            Self::Is(name, wanted) => value(name) == Some(wanted),
            Self::IsNot(name, other) => value(name) != Some(other),
            Self::AbsentOrBelow(name, bound) => match value(name) {
                None => true,
                Some(Value::Number(number)) => number < bound,
                Some(_) => false,
            },
            Self::AtLeast(name, bound) => {
                matches!(value(name), Some(Value::Number(number)) if number >= bound)
            }
            Self::Contains(name, element) => {
                matches!(value(name), Some(Value::Numbers(set)) if set.contains(element))
            }
        }
    }
}

/// One change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Gives the attribute a value.
    Set(&'static str, Value),
    /// Gives the attribute a value unless it has one.
    SetOnce(&'static str, Value),
    /// Adds to a number that counts from 0.
    Count(&'static str, i64),
    /// Adds elements to a number set, which comes into being with the first.
    Insert(&'static str, BTreeSet<u32>),
    /// Takes elements out of a number set, which is gone with the last. Elements that are not there
    /// do no harm.
    Take(&'static str, BTreeSet<u32>),
    /// Removes the attribute.
    Remove(&'static str),
}

impl Action {
    fn apply(&self, item: &mut Item) {
        match self {
            Self::Set(name, value) => {
                item.insert(name, value.clone());
            }
            Self::SetOnce(name, value) => {
                item.entry(name).or_insert_with(|| value.clone());
            }
            Self::Count(name, by) => {
                let before = if let Some(Value::Number(number)) = item.get(name) {
                    *number
                } else {
                    0
                };
                item.insert(name, Value::Number(before.saturating_add(*by)));
            }
            Self::Insert(name, elements) => {
                let entry = item
                    .entry(name)
                    .or_insert_with(|| Value::Numbers(BTreeSet::new()));
                if let Value::Numbers(set) = entry {
                    set.extend(elements);
                }
            }
            Self::Take(name, elements) => {
                if let Some(Value::Numbers(set)) = item.get_mut(name) {
                    set.retain(|element| !elements.contains(element));
                    if set.is_empty() {
                        item.remove(name);
                    }
                }
            }
            Self::Remove(name) => {
                item.remove(name);
            }
        }
    }
}

/// A conditional change of one item. All of it happens, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Write {
    /// The item.
    pub key: Key,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// What changes.
    pub actions: Vec<Action>,
}

impl Write {
    /// Whether all conditions hold of `item`.
    pub fn allowed(&self, item: Option<&Item>) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(item))
    }

    /// The item after the write, or `None` when it is refused. The meaning of a write, which
    /// DynamoDB must share.
    pub fn apply(&self, item: Option<&Item>) -> Option<Item> {
        self.allowed(item).then(|| {
            let mut after = item.cloned().unwrap_or_default();
            for action in &self.actions {
                action.apply(&mut after);
            }
            after
        })
    }
}

/// A part of a [`Transaction`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Holds an item to conditions without changing it.
    Check(Key, Vec<Condition>),
    /// Changes an item.
    Write(Write),
}

impl Part {
    /// The item that the part is about.
    pub fn key(&self) -> &Key {
        match self {
            Self::Check(key, _) => key,
            Self::Write(write) => &write.key,
        }
    }

    /// Whether the part's conditions hold of its item.
    pub fn allowed(&self, item: Option<&Item>) -> bool {
        match self {
            Self::Check(_, conditions) => conditions.iter().all(|condition| condition.holds(item)),
            Self::Write(write) => write.allowed(item),
        }
    }
}

/// Parts that happen together, or not at all; each is about another item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The parts.
    pub parts: Vec<Part>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::attribute::{FAILURES, PENDING, STATE};

    fn write(conditions: Vec<Condition>, actions: Vec<Action>) -> Write {
        Write {
            key: Key::Header("t".parse().unwrap()),
            conditions,
            actions,
        }
    }

    #[test]
    fn a_set_is_gone_with_its_last_element_and_taking_twice_is_taking_once() {
        let take = |element: u32| write(vec![], vec![Action::Take(PENDING, [element].into())]);
        let item = Item::from([(PENDING, Value::Numbers([1, 2].into()))]);
        let once = take(1).apply(Some(&item)).unwrap();
        assert_eq!(take(1).apply(Some(&once)), Some(once.clone()));
        assert_eq!(take(2).apply(Some(&once)), Some(Item::new()));
    }

    #[test]
    fn a_refused_write_changes_nothing() {
        let item = Item::from([(STATE, Value::from("ok"))]);
        let refused = write(
            vec![Condition::IsNot(STATE, "ok".into())],
            vec![Action::Count(FAILURES, 1)],
        );
        assert_eq!(refused.apply(Some(&item)), None);
        assert_eq!(
            refused.apply(None),
            Some(Item::from([(FAILURES, Value::Number(1))]))
        );
    }
}
