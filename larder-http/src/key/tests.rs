use http::{Request, header::ACCEPT};

use super::*;

fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let request = Request::builder().uri(uri);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn key(uri: &str, headers: &[(&str, &str)]) -> Result<RequestKey, Bypass> {
    RequestKey::new(&parts(uri, headers), None, &[ACCEPT], false)
}

/// Each asks for something else.
#[test]
fn no_two_of_these_share_a_key() {
    const HOST: (&str, &str) = ("host", "a.example");
    let requests: &[(&str, &[(&str, &str)])] = &[
        ("/p", &[HOST]),
        ("/P", &[HOST]),
        ("/p/", &[HOST]),
        ("/%70", &[HOST]),
        ("/p?", &[HOST]),
        ("/p?x", &[HOST]),
        ("/p?x=1&y=2", &[HOST]),
        ("/p?y=2&x=1", &[HOST]),
        ("/p", &[("host", "b.example")]),
        ("/p", &[("host", "a.example:8080")]),
        ("https://a.example/p", &[]),
        ("/p", &[HOST, ("accept", "")]),
        ("/p", &[HOST, ("accept", "a")]),
        ("/p", &[HOST, ("accept", "a"), ("accept", "b")]),
        ("/p", &[HOST, ("accept", "b"), ("accept", "a")]),
        ("/p", &[HOST, ("accept", "a, b")]),
        ("/p", &[HOST, ("x-forwarded-host", "evil.example")]),
        ("/p", &[HOST, ("x-forwarded-host", "")]),
        ("/p", &[HOST, ("x-forwarded-proto", "https")]),
        ("/p", &[HOST, ("forwarded", "host=evil.example")]),
        ("/p", &[HOST, ("x-original-url", "/admin")]),
        // What a joined key would take for the one above it.
        ("/p", &[HOST, ("accept", "a,-,16:x-forwarded-host,4:evil")]),
    ];
    for (i, (uri, headers)) in requests.iter().enumerate() {
        for (j, (other, others)) in requests.iter().enumerate() {
            let same = key(uri, headers).unwrap() == key(other, others).unwrap();
            assert_eq!(same, i == j, "{uri} {headers:?} / {other} {others:?}");
        }
    }
}

#[test]
fn spellings_of_one_host_share_a_key() {
    let one = key("/p", &[("host", "a.example")]).unwrap();
    for (uri, host) in [
        ("/p", "A.Example"),
        ("/p", "a.example:80"),
        ("http://a.example:80/p", "a.example"),
        ("http://A.EXAMPLE/p", "a.example:80"),
    ] {
        assert_eq!(key(uri, &[("host", host)]).as_ref(), Ok(&one), "{uri} {host}");
    }
    assert_eq!(key("http://a.example/p", &[]).as_ref(), Ok(&one));
}

#[test]
fn a_host_that_is_missing_double_or_contradicted_is_no_host() {
    for (uri, headers) in [
        ("/p", &[][..]),
        ("/p", &[("host", "")]),
        ("/p", &[("host", "a"), ("host", "a")]),
        ("/p", &[("host", "a b")]),
        ("/p", &[("host", "user@a")]),
        ("http://a/p", &[("host", "b")]),
        ("http://a:8080/p", &[("host", "a")]),
    ] {
        assert_eq!(key(uri, headers), Err(Bypass::Host), "{uri} {headers:?}");
        let ignoring = RequestKey::new(&parts(uri, headers), None, &[], true);
        assert_eq!(ignoring, RequestKey::new(&parts("/p", &[]), None, &[], true));
    }
}

#[test]
fn nested_routers_do_not_collide() {
    let inner = parts("/list", &[("host", "a")]);
    let of = |original: &str| {
        RequestKey::new(&inner, Some(&original.parse().unwrap()), &[], false).unwrap()
    };
    assert_ne!(of("/users/list"), of("/orders/list"));
    // The same address, rewritten to another one on the way to the handler.
    let rewritten = parts("/list/en", &[("host", "a")]);
    let original = "/users/list".parse().unwrap();
    assert_ne!(
        of("/users/list"),
        RequestKey::new(&rewritten, Some(&original), &[], false).unwrap()
    );
}

#[test]
fn a_key_can_be_read() {
    let key = key("/p?x", &[("host", "a"), ("accept", "*/*")]).unwrap();
    assert_eq!(**key.as_bytes(), *b"4:http,1:a,2:/p,1:x,-,6:accept,3:*/*,-,");
}

/// A key goes into logs with whatever prints it; a query and a varied header may hold a secret.
#[test]
fn its_debug_form_shows_nothing_of_the_request() {
    let key = key("/p?token=secret", &[("host", "a.example"), ("accept", "secret")]).unwrap();
    let shown = format!("{key:?}");
    let length = key.as_bytes().len();
    assert_eq!(shown, format!("RequestKey({length} bytes)"));
}
