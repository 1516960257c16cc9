use http::{Request, header::ACCEPT};

use super::*;

fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let request = Request::builder().uri(uri);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

/// Where the answer stands once it is known that answers are told apart.
fn key(uri: &str, headers: &[(&str, &str)]) -> Result<Bytes, Bypass> {
    let parts = parts(uri, headers);
    let address = Address::new(&parts, None, &[ACCEPT], false)?;
    assert!(address.is_varied());
    Ok(address.variant(&index(&[]), &parts.headers).key)
}

fn index(names: &[HeaderName]) -> Index {
    Index { epoch: 7, ..Index::new(names, 0) }
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
        let ignoring = |uri, headers| {
            Address::new(&parts(uri, headers), None, &[], true).map(|address| address.root())
        };
        assert_eq!(ignoring(uri, headers), ignoring("/p", &[]));
    }
}

#[test]
fn nested_routers_do_not_collide() {
    let of = |inner: &str, original: &str| {
        let inner = parts(inner, &[("host", "a")]);
        let address = Address::new(&inner, Some(&original.parse().unwrap()), &[], false).unwrap();
        assert!(address.is_varied());
        address.variant(&index(&[]), &inner.headers)
    };
    assert_ne!(of("/list", "/users/list"), of("/list", "/orders/list"));
    // The same address, rewritten to another one on the way to the handler.
    assert_ne!(of("/list", "/users/list"), of("/list/en", "/users/list"));
}

#[test]
fn a_key_can_be_read() {
    let headers = [("host", "a"), ("accept", "*/*"), ("x-a", "1 , 2")];
    let parts = parts("/p?x", &headers);
    let plain = Address::new(&parts, None, &[], false).unwrap();
    assert_eq!(*plain.root().key, *b"4:http,1:a,2:/p,1:x,");
    let varied = Address::new(&parts, None, &[ACCEPT], false).unwrap();
    assert_eq!(*varied.root().key, *b"4:http,1:a,2:/p,1:x,*");
    let names = [HeaderName::from_static("x-a"), HeaderName::from_static("x-b")];
    let variant = varied.variant(&index(&names), &parts.headers);
    let expected =
        b"4:http,1:a,2:/p,1:x,@8:\0\0\0\0\0\0\0\x07,6:accept,3:*/*,-,3:x-a,3:1,2,3:x-b,-,";
    assert_eq!(variant.key.escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(varied.roots(), [plain.root().key, varied.root().key]);
}

#[test]
fn an_index_knows_by_what_answers_are_told_apart() {
    let [a, b] = ["x-a", "x-b"].map(HeaderName::from_static);
    let index = Index::new(std::slice::from_ref(&b), 0);
    let covers = |name| index.covers(std::slice::from_ref(name));
    assert!(index.covers(&[]) && covers(&b) && !covers(&a));
    let more = index.with(&[a.clone(), b.clone()]);
    assert!(more.covers(&[a, b]));
    assert_eq!(more.epoch, index.epoch);
    assert_ne!(Index::new(&[], 0).epoch, Index::new(&[], 0).epoch);
}

/// A key goes into logs with whatever prints it; a query and a varied header may hold a secret.
#[test]
fn its_debug_form_shows_nothing_of_the_request() {
    let parts = parts("/p?token=secret", &[("host", "a.example"), ("accept", "secret")]);
    let address = Address::new(&parts, None, &[ACCEPT], false).unwrap();
    let place = address.variant(&index(&[ACCEPT]), &parts.headers);
    for shown in [format!("{address:?}"), format!("{place:?}"), format!("{:?}", address.root())] {
        assert!(!shown.contains("secret") && !shown.contains("token"), "{shown}");
    }
}
