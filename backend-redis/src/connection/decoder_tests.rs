use redis::PushKind;

use super::*;

const STREAM: &[u8] = b"$5\r\nhello\r\n+OK\r\n:-7\r\n_\r\n$-1\r\n*-1\r\n$0\r\n\r\n\
    *3\r\n$2\r\n\r\n\r\n*1\r\n:1\r\n_\r\n-LOADING wait\r\n%1\r\n+a\r\n:1\r\n\
    >2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+PONG\r\n";

/// As a socket that has these bytes would.
fn feed(decoder: &mut Decoder, mut bytes: &[u8]) {
    let mut context = Context::from_waker(std::task::Waker::noop());
    while !bytes.is_empty() {
        let read = decoder.poll_read(Pin::new(&mut bytes), &mut context);
        assert!(matches!(read, Poll::Ready(Ok(1..))));
    }
}

fn all(decoder: &mut Decoder) -> Vec<Value> {
    std::iter::from_fn(|| decoder.next().unwrap()).collect()
}

fn whole() -> Vec<Value> {
    let mut decoder = Decoder::default();
    feed(&mut decoder, STREAM);
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
            feed(&mut decoder, piece);
            values.extend(all(&mut decoder));
        }
        assert_eq!(values, whole(), "in pieces of {size}");
        assert_eq!(decoder.partial(), 0);
    }
}

#[test]
fn a_short_answer_does_not_wait_for_the_next_one() {
    let answer = b"*1\r\n_\r\n";
    for at in 1..answer.len() {
        let mut decoder = Decoder::default();
        feed(&mut decoder, &answer[..at]);
        assert_eq!(decoder.next().unwrap(), None);
        feed(&mut decoder, &answer[at..]);
        assert_eq!(decoder.next().unwrap(), Some(Value::Array(vec![Value::Nil])), "cut at {at}");
    }
}

/// Read to where they stay, alone and within an array, however they are cut.
#[test]
fn large_strings() {
    let string = |length: usize| {
        let mut bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
        bytes.splice(0..0, format!("${length}\r\n").into_bytes());
        bytes.extend(b"\r\n");
        bytes
    };
    let (a, b) = (string(LARGE_STRING + 1), string(100_000));
    let stream = [&b":1\r\n"[..], &a, b"*3\r\n", &b, b"_\r\n", &a, &b, b"+OK\r\n"].concat();
    let mut parser = redis::Parser::new();
    let mut rest = &stream[..];
    let expected: Vec<_> = (0..5).map(|_| parser.parse_value(&mut rest).unwrap()).collect();
    for size in [1, 7, 1000, 16_000, 70_000, stream.len()] {
        let mut decoder = Decoder::default();
        let mut values = Vec::new();
        for mut piece in stream.chunks(size) {
            let mut context = Context::from_waker(std::task::Waker::noop());
            while !piece.is_empty() {
                let read = decoder.poll_read(Pin::new(&mut piece), &mut context);
                assert!(matches!(read, Poll::Ready(Ok(1..))));
                values.extend(all(&mut decoder));
            }
        }
        assert!(values == expected, "in pieces of {size}");
        assert!(decoder.input.capacity() < 4 * READ_BYTES, "{}", decoder.input.capacity());
    }
    let mut decoder = Decoder::default();
    let mut unended = string(100_000);
    unended[100_009] = b'x';
    let mut rest = &unended[..];
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut result = Ok(None);
    while !rest.is_empty() && matches!(result, Ok(None)) {
        let _ = decoder.poll_read(Pin::new(&mut rest), &mut context);
        result = decoder.next();
    }
    assert!(result.is_err());
}

#[test]
fn what_is_no_answer_is_an_error() {
    let deep = "*1\r\n".repeat(100_000);
    for bad in ["hello\r\n", "$abc\r\n", "$-2\r\n", "$99999999999\r\n", ":1\n", &deep, ":x\r\n"] {
        let mut decoder = Decoder::default();
        feed(&mut decoder, bad.as_bytes());
        assert!(decoder.next().is_err(), "{:?}", &bad[..bad.len().min(20)]);
    }
    let mut decoder = Decoder::default();
    feed(&mut decoder, &[b'+'; LONGEST_LINE + 1]);
    assert!(decoder.next().is_err());
}

#[test]
fn a_claimed_length_allocates_nothing_before_it_arrives() {
    let mut decoder = Decoder::default();
    feed(&mut decoder, b"*1000000000\r\n:1\r\n");
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
        feed(&mut decoder, &bytes);
        while let Ok(Some(_)) = decoder.next() {}
    }
}
