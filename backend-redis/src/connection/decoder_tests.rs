use bytes::BufMut;
use redis::PushKind;

use super::*;

const STREAM: &[u8] = b"$5\r\nhello\r\n+OK\r\n:-7\r\n_\r\n$-1\r\n*-1\r\n$0\r\n\r\n\
    *3\r\n$2\r\n\r\n\r\n*1\r\n:1\r\n_\r\n-LOADING wait\r\n%1\r\n+a\r\n:1\r\n\
    >2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+PONG\r\n";

fn all(decoder: &mut Decoder) -> Vec<Value> {
    std::iter::from_fn(|| decoder.next().unwrap()).collect()
}

fn whole() -> Vec<Value> {
    let mut decoder = Decoder::default();
    decoder.room().put_slice(STREAM);
    all(&mut decoder)
}

#[test]
fn every_type_is_read_as_the_crate_reads_it() {
    let values = whole();
    assert_eq!(values.len(), 12);
    assert_eq!(values[0], Value::BulkString(b"hello".to_vec()));
    assert_eq!(values[3..6], [Value::Nil, Value::Nil, Value::Nil]);
    assert_eq!(
        values[7],
        Value::Array(vec![
            Value::BulkString(b"\r\n".to_vec()),
            Value::Array(vec![Value::Int(1)]),
            Value::Nil
        ])
    );
    assert!(matches!(&values[8], Value::ServerError(error) if error.code() == "LOADING"));
    assert!(matches!(&values[10], Value::Push { kind: PushKind::Invalidate, .. }));

    let mut rest = STREAM;
    let mut parser = redis::Parser::new();
    for value in values {
        assert_eq!(parser.parse_value(&mut rest).unwrap(), value);
    }
}

#[test]
fn where_the_bytes_are_cut_does_not_matter() {
    for size in 1..7 {
        let mut decoder = Decoder::default();
        let mut values = Vec::new();
        for piece in STREAM.chunks(size) {
            decoder.room().put_slice(piece);
            values.extend(all(&mut decoder));
        }
        assert_eq!(values, whole(), "in pieces of {size}");
        assert_eq!(decoder.partial(), 0);
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    let deep = "*1\r\n".repeat(100_000);
    for bad in ["hello\r\n", "$abc\r\n", "$-2\r\n", "$99999999999\r\n", ":1\n", &deep, ":x\r\n"] {
        let mut decoder = Decoder::default();
        decoder.room().put_slice(bad.as_bytes());
        assert!(decoder.next().is_err(), "{:?}", &bad[..bad.len().min(20)]);
    }
    let mut decoder = Decoder::default();
    decoder.room().put_slice(&[b'+'; LONGEST_LINE + 1]);
    assert!(decoder.next().is_err());
}

#[test]
fn a_claimed_length_allocates_nothing_before_it_arrives() {
    let mut decoder = Decoder::default();
    decoder.room().put_slice(b"*1000000000\r\n:1\r\n");
    assert!(decoder.next().unwrap().is_none());
}

/// Any bytes: an answer, more wanted, or an error, never a panic.
#[test]
fn random_bytes_do_no_harm() {
    let alphabet = b"$*+-:_%>~|!=(,#0123459-\r\n\r\n\r\nab";
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..rand::random_range(1..40))
            .map(|_| alphabet[rand::random_range(0..alphabet.len())])
            .collect();
        let mut decoder = Decoder::default();
        decoder.room().put_slice(&bytes);
        while let Ok(Some(_)) = decoder.next() {}
    }
}
