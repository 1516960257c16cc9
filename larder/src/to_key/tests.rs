use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use cache_api::Namespace;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn bytes(value: impl ToKey) -> Vec<u8> {
    key(&Namespace::new("n").unwrap(), value, false).unwrap().user().to_vec()
}

#[test]
fn a_scalar_is_its_text() {
    assert_eq!(bytes(42), b"42");
    assert_eq!(bytes(0_u8), b"0");
    assert_eq!(bytes(i64::MIN), b"-9223372036854775808");
    assert_eq!(bytes(u64::MAX), b"18446744073709551615");
    assert_eq!(bytes(-7_i8), b"-7");
    assert_eq!(bytes(i128::MIN), i128::MIN.to_string().into_bytes());
    assert_eq!(bytes(true), b"true");
    assert_eq!(bytes('ä'), "ä".as_bytes());
    assert_eq!(bytes(Uuid::nil()), b"00000000-0000-0000-0000-000000000000");
    assert_eq!(bytes(IpAddr::V6(Ipv6Addr::LOCALHOST)), b"::1");
    assert_eq!(bytes(b"\xff\0"), b"\xff\0");
    assert_eq!(bytes(String::from("x")), bytes("x"));
    assert_eq!(bytes(Box::new(&7)), bytes("7"));
}

#[test]
fn structure_has_marks_that_no_text_begins_with() {
    assert_eq!(bytes(None::<u8>), br"\-");
    assert_eq!(bytes(Some("")), br"\+");
    assert_eq!(bytes(Some(None::<u8>)), br"\+\-");
    assert_eq!(bytes(r"\-"), br"\\-");
    assert_eq!(bytes(Some(r"\-")), br"\+\\-");
    assert_eq!(bytes(("a", 1)), br"\(a|1\)");
    assert_eq!(bytes(("a|b", r"c\")), br"\(a\|b|c\\\)");
    assert_eq!(bytes((("a",), "b")), br"\(\(a\)|b\)");
    assert_eq!(bytes(()), br"\.");
}

#[test]
fn a_long_key_is_refused_or_hashed() {
    let namespace = Namespace::new("n").unwrap();
    let long = "x".repeat(1025);
    assert!(key(&namespace, &long, false).is_err());
    let hashed = key(&namespace, &long, true).unwrap();
    assert!(hashed.user().starts_with(br"\#") && hashed.user().len() == 66);
    assert_ne!(hashed, key(&namespace, long + "x", true).unwrap());
    assert_eq!(key(&namespace, "short", true).unwrap().user(), b"short");
}

/// A value of any shape, to make collisions with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Any {
    Text(Vec<u8>),
    Unit,
    None,
    Some(Box<Self>),
    Tuple(Vec<Self>),
}

impl ToKey for Any {
    fn write_key(&self, key: &mut KeyWriter) {
        match self {
            Self::Text(text) => text.write_key(key),
            Self::Unit => ().write_key(key),
            Self::None => None::<Self>.write_key(key),
            Self::Some(value) => Some(value).write_key(key),
            Self::Tuple(values) => match &values[..] {
                [a] => (a,).write_key(key),
                [a, b] => (a, b).write_key(key),
                [a, b, c] => (a, b, c).write_key(key),
                _ => unreachable!("no other is made"),
            },
        }
    }
}

/// Reads a key back. That this is possible at all is what injective means.
fn parse(key: &[u8], nested: bool) -> (Any, &[u8]) {
    match key {
        [b'\\', b'-', rest @ ..] => (Any::None, rest),
        [b'\\', b'.', rest @ ..] => (Any::Unit, rest),
        [b'\\', b'+', rest @ ..] => {
            let (value, rest) = parse(rest, nested);
            (Any::Some(value.into()), rest)
        }
        [b'\\', b'(', rest @ ..] => {
            let (mut values, mut rest) = (Vec::new(), rest);
            loop {
                let (value, tail) = parse(rest, true);
                values.push(value);
                match tail {
                    [b'|', tail @ ..] => rest = tail,
                    [b'\\', b')', tail @ ..] => return (Any::Tuple(values), tail),
                    _ => panic!("neither the next nor the end"),
                }
            }
        }
        text if !nested => {
            let text = text.strip_prefix(b"\\").unwrap_or(text);
            (Any::Text(text.to_vec()), b"")
        }
        mut rest => {
            let mut text = Vec::new();
            loop {
                match rest {
                    [b'\\', byte @ (b'\\' | b'|'), tail @ ..] => {
                        text.push(*byte);
                        rest = tail;
                    }
                    [] | [b'|' | b'\\', ..] => return (Any::Text(text), rest),
                    [byte, tail @ ..] => {
                        text.push(*byte);
                        rest = tail;
                    }
                }
            }
        }
    }
}

fn values() -> impl Strategy<Value = Any> {
    // The characters that mean something, and one that does not.
    let byte = prop::sample::select(br"\|()+-.#1".to_vec());
    let text = prop::collection::vec(byte, 0..5).prop_map(Any::Text);
    let leaf = prop_oneof![4 => text, 1 => Just(Any::None), 1 => Just(Any::Unit)];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|value| Any::Some(value.into())),
            prop::collection::vec(inner, 1..4).prop_map(Any::Tuple),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_key_reads_back_as_the_value_it_was_made_of(value in values()) {
        let key = bytes(&value);
        let (parsed, rest) = parse(&key, false);
        prop_assert_eq!(parsed, value);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn an_integer_is_its_decimal_text(number: i64, unsigned: u64) {
        prop_assert_eq!(bytes(number), bytes(number.to_string()));
        prop_assert_eq!(bytes((unsigned, 1)), bytes((unsigned.to_string(), "1")));
    }

    #[test]
    fn long_texts_are_kept_whole(text in prop::collection::vec(proptest::arbitrary::any::<u8>(), 100..400)) {
        let key = bytes((&text, 1));
        prop_assert_eq!(parse(&key, false).0, Any::Tuple(vec![
            Any::Text(text), Any::Text(b"1".to_vec()),
        ]));
    }
}

#[test]
fn no_two_small_values_share_a_key() {
    let mut values = vec![Any::Unit, Any::None];
    let letters = br"\|()+-.1";
    values.push(Any::Text(Vec::new()));
    values.extend(letters.iter().map(|&a| Any::Text(vec![a])));
    values.extend(letters.iter().flat_map(|&a| letters.map(|b| Any::Text(vec![a, b]))));
    let small = values.clone();
    values.extend(small.iter().map(|a| Any::Some(a.clone().into())));
    values.extend(small.iter().map(|a| Any::Tuple(vec![a.clone()])));
    let pairs = values.clone();
    for a in &small {
        values.extend(pairs.iter().map(|b| Any::Tuple(vec![a.clone(), b.clone()])));
    }
    let mut seen = HashMap::new();
    for value in &values {
        if let Some(other) = seen.insert(bytes(value), value) {
            panic!("{value:?} and {other:?} share a key");
        }
    }
    assert!(seen.len() > 15_000);
}
