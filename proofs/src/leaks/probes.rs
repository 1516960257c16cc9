//! In what two users differ, and what the origin says about its answer.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::play::Question;
use crate::Result;

type Fields = &'static [(&'static str, &'static str)];

#[derive(Debug)]
pub(super) struct Probe {
    pub(super) name: &'static str,
    pub(super) status: u16,
    /// What the origin sends with its answer.
    pub(super) answer: Fields,
    pub(super) first: Ask,
    pub(super) second: Ask,
    /// The standard lets a shared cache give the one's answer to the other: the origin has said so, or has
    /// to say more than it did.
    pub(super) is_shared_by_standard: bool,
}

/// A request, but for whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    method: &'static str,
    target: &'static str,
    fields: Fields,
    body: &'static str,
}

const PLAIN: Ask = Ask { method: "GET", target: "/r", fields: &[], body: "" };
const LONG: (&str, &str) = ("cache-control", "max-age=3600");

const fn with(fields: Fields) -> Ask {
    Ask { fields, ..PLAIN }
}

const fn at(target: &'static str) -> Ask {
    Ask { target, ..PLAIN }
}

const fn by(method: &'static str) -> Ask {
    Ask { method, ..PLAIN }
}

impl Ask {
    pub(super) fn question(self, name: &str, user: &str) -> Result<Question> {
        let mut request =
            Request::builder().method(self.method).uri(self.target).header(name, user);
        if !self.fields.iter().any(|(name, _)| *name == "host") && self.target.starts_with('/') {
            request = request.header("host", "shop.example");
        }
        for (name, value) in self.fields {
            request = request.header(*name, *value);
        }
        Ok(request.body(Full::new(Bytes::from_static(self.body.as_bytes())))?)
    }
}

const fn probe(name: &'static str, answer: Fields, first: Ask, second: Ask) -> Probe {
    Probe { name, status: 200, answer, first, second, is_shared_by_standard: false }
}

impl Probe {
    const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    const fn shared_by_standard(self) -> Self {
        Self { is_shared_by_standard: true, ..self }
    }
}

/// Those that were seen to leak somewhere, then those of our own.
pub(super) fn all() -> Vec<Probe> {
    [known(), addresses(), requests(), variants(), responses()].into_iter().flatten().collect()
}

/// What any cache gives to everyone.
pub(super) const fn common() -> Probe {
    probe("public", &[("cache-control", "public, max-age=60")], PLAIN, PLAIN)
}

fn known() -> Vec<Probe> {
    let a = with(&[("authorization", "Basic a")]);
    let b = with(&[("authorization", "Basic b")]);
    let cookies = [with(&[("cookie", "id=a")]), with(&[("cookie", "id=b")])];
    vec![
        probe("Host", &[LONG], with(&[("host", "a.example")]), with(&[("host", "b.example")])),
        probe("X-Forwarded-Host", &[LONG], with(&[("x-forwarded-host", "evil.example")]), PLAIN),
        probe("Authorization", &[LONG], a, b),
        probe("Authorization, then none", &[LONG], a, PLAIN),
        probe("Set-Cookie", &[LONG, ("set-cookie", "id=a")], PLAIN, PLAIN).shared_by_standard(),
        probe("Vary: Cookie", &[LONG, ("vary", "Cookie")], cookies[0], cookies[1]),
        probe(
            "Vary: Cookie, Expires",
            &[("expires", "Fri, 31 Dec 2100 23:59:59 GMT"), ("vary", "Cookie")],
            cookies[0],
            cookies[1],
        ),
        probe(
            "Vary: Foo, second line",
            &[LONG, ("vary", "Foo")],
            with(&[("foo", "1"), ("foo", "2")]),
            with(&[("foo", "1"), ("foo", "3")]),
        ),
        probe("no lifetime", &[], PLAIN, PLAIN),
        probe("no lifetime, .css", &[("content-type", "text/html")], at("/r.css"), at("/r.css")),
        probe("Private", &[("cache-control", "max-age=60, Private")], PLAIN, PLAIN),
        probe("No-Store", &[("cache-control", "max-age=60, No-Store")], PLAIN, PLAIN),
        probe("private, second line", &[LONG, ("cache-control", "private")], PLAIN, PLAIN),
        probe("s-maxage=0", &[("cache-control", "max-age=60, s-maxage=0")], PLAIN, PLAIN),
        probe("400 without a lifetime", &[], PLAIN, PLAIN).status(400),
        probe("HEAD, then GET", &[LONG], by("HEAD"), PLAIN),
        probe("GET with a body", &[LONG], Ask { body: "x=1", ..PLAIN }, PLAIN),
        probe("query", &[LONG], at("/r?user=a"), at("/r?user=b")),
    ]
}

fn addresses() -> Vec<Probe> {
    let pair = |name, first, second| probe(name, &[LONG], first, second);
    vec![
        pair("port", with(&[("host", "a.example:81")]), with(&[("host", "a.example:82")])),
        pair("Host with a dot behind it", with(&[("host", "shop.example.")]), PLAIN),
        pair("scheme", at("http://shop.example/r"), at("https://shop.example/r")),
        pair(
            "Host against the address",
            Ask { target: "http://a.example/r", ..with(&[("host", "b.example")]) },
            at("http://a.example/r"),
        ),
        pair("%2F", at("/a%2Fb"), at("/a/b")),
        pair("%2e%2e", at("/a/%2e%2e/r"), at("/r")),
        pair("%41", at("/%41"), at("/A")),
        pair("case of a path", at("/R"), at("/r")),
        pair("two slashes", at("//r"), at("/r")),
        pair("a slash behind it", at("/r/"), at("/r")),
        pair("a parameter of the path", at("/r;id=a"), at("/r;id=b")),
        pair("an empty query", at("/r?"), at("/r")),
        pair("order of a query", at("/r?a=1&b=2"), at("/r?b=2&a=1")),
        pair("what joins to one key", at("/r%3Fa"), at("/r?a")),
        pair("Forwarded", with(&[("forwarded", "host=evil.example")]), PLAIN),
        pair("X-Forwarded-Proto", with(&[("x-forwarded-proto", "https")]), PLAIN),
        pair("X-Forwarded-Prefix", with(&[("x-forwarded-prefix", "/a")]), PLAIN),
        pair("X-Original-URL", with(&[("x-original-url", "/admin")]), PLAIN),
        pair("X-Rewrite-URL", with(&[("x-rewrite-url", "/admin")]), PLAIN),
        pair(
            "X-Forwarded-Host, second line",
            with(&[("x-forwarded-host", "a"), ("x-forwarded-host", "b")]),
            with(&[("x-forwarded-host", "a"), ("x-forwarded-host", "c")]),
        ),
        pair(
            "X-Forwarded-Host, where lines join",
            with(&[("x-forwarded-host", "a, b")]),
            with(&[("x-forwarded-host", "a"), ("x-forwarded-host", "b")]),
        ),
    ]
}

fn requests() -> Vec<Probe> {
    let pair = |name, first, second| probe(name, &[LONG], first, second);
    let a = with(&[("authorization", "Basic a")]);
    let b = with(&[("authorization", "Basic b")]);
    let cookies = [with(&[("cookie", "id=a")]), with(&[("cookie", "id=b")])];
    let authorized = |name, answer| probe(name, answer, a, b).shared_by_standard();
    vec![
        pair("none, then Authorization", PLAIN, a),
        pair("Cookie", cookies[0], cookies[1]).shared_by_standard(),
        pair("Cookie, then none", cookies[0], PLAIN).shared_by_standard(),
        pair("none, then Cookie", PLAIN, cookies[0]).shared_by_standard(),
        authorized("Authorization, public", &[("cache-control", "public, max-age=60")]),
        authorized("Authorization, s-maxage", &[("cache-control", "s-maxage=60")]),
        authorized(
            "Authorization, must-revalidate",
            &[("cache-control", "must-revalidate, max-age=60")],
        ),
        pair("POST, then GET", by("POST"), PLAIN),
        pair("an unknown method, then GET", by("FROB"), PLAIN),
        pair("get in small letters", by("get"), PLAIN),
        pair("no-store in the request", with(&[("cache-control", "no-store")]), PLAIN),
        pair("a part, then the whole", with(&[("range", "bytes=0-2")]), PLAIN),
        pair("X-HTTP-Method-Override", with(&[("x-http-method-override", "DELETE")]), PLAIN),
        pair("Upgrade", with(&[("connection", "upgrade"), ("upgrade", "h")]), PLAIN),
        pair("Expect", with(&[("expect", "100-continue")]), PLAIN),
    ]
}

fn variants() -> Vec<Probe> {
    let vary = |name, answer, first, second| probe(name, answer, first, second);
    vec![
        vary("Vary: *", &[LONG, ("vary", "*")], PLAIN, PLAIN),
        vary("Vary: Foo, *", &[LONG, ("vary", "Foo, *")], PLAIN, PLAIN),
        vary(
            "Vary on two lines",
            &[LONG, ("vary", "Accept"), ("vary", "Foo")],
            with(&[("foo", "a")]),
            with(&[("foo", "b")]),
        ),
        vary(
            "Vary in odd letters",
            &[LONG, ("vary", " , fOO ,")],
            with(&[("foo", "a")]),
            with(&[("foo", "b")]),
        ),
        vary("Vary: absent and empty", &[LONG, ("vary", "Foo")], with(&[("foo", "")]), PLAIN),
        vary(
            "Vary: what joins to one key",
            &[LONG, ("vary", "Foo, Goo")],
            with(&[("foo", "a"), ("goo", "bc")]),
            with(&[("foo", "ab"), ("goo", "c")]),
        ),
        vary(
            "Vary: the value of one is that of the other",
            &[LONG, ("vary", "Foo, Goo")],
            with(&[("foo", "a")]),
            with(&[("goo", "a")]),
        ),
        vary(
            "Vary: Cookie, second line",
            &[("cache-control", "public, max-age=60"), ("vary", "Cookie")],
            with(&[("cookie", "a=1"), ("cookie", "id=a")]),
            with(&[("cookie", "a=1"), ("cookie", "id=b")]),
        ),
        vary(
            "Vary: Authorization, public",
            &[("cache-control", "public, max-age=60"), ("vary", "Authorization")],
            with(&[("authorization", "Basic a")]),
            with(&[("authorization", "Basic b")]),
        ),
        vary(
            "Vary: Accept-Language, in another order",
            &[LONG, ("vary", "Accept-Language")],
            with(&[("accept-language", "de, en")]),
            with(&[("accept-language", "en, de")]),
        ),
        vary(
            "Vary: Foo, case of a value",
            &[LONG, ("vary", "Foo")],
            with(&[("foo", "a")]),
            with(&[("foo", "A")]),
        ),
        vary("Vary that names nothing", &[LONG, ("vary", "Foo Goo")], PLAIN, PLAIN),
    ]
}

fn responses() -> Vec<Probe> {
    let says = |name, answer| probe(name, answer, PLAIN, PLAIN);
    let long = &[("cache-control", "max-age=60")];
    let cookies = [with(&[("cookie", "id=a")]), with(&[("cookie", "id=b")])];
    vec![
        says("PRIVATE after a space", &[("cache-control", "max-age=60 , PRIVATE ")]),
        says("a comma in quotes", &[("cache-control", "x=\"a, b\", private, max-age=60")]),
        says("private=\"x-a\"", &[("cache-control", "max-age=60, private=\"x-a\"")])
            .shared_by_standard(),
        says(
            "no-cache=\"set-cookie\"",
            &[("cache-control", "max-age=60, no-cache=\"set-cookie\""), ("set-cookie", "id=a")],
        )
        .shared_by_standard(),
        says("no-cache", &[("cache-control", "max-age=60, no-cache")]),
        says("a comma is missing", &[("cache-control", "max-age=60 private")]),
        says("a semicolon", &[("cache-control", "max-age=60; private")]),
        says(
            "CDN-Cache-Control beside private",
            &[("cdn-cache-control", "max-age=60"), ("cache-control", "private")],
        )
        .shared_by_standard(),
        says(
            "Surrogate-Control beside no-store",
            &[("surrogate-control", "max-age=60"), ("cache-control", "no-store")],
        ),
        says("Expires: 0", &[("expires", "0")]),
        says("the shorter of two", &[("cache-control", "max-age=0, max-age=3600")]),
        says("max-age=-1", &[("cache-control", "max-age=-1")]),
        says("older than it may be", &[LONG, ("age", "3600")]),
        says(
            "Set-Cookie, public",
            &[("cache-control", "public, max-age=9"), ("set-cookie", "a=b")],
        )
        .shared_by_standard(),
        probe(
            "CORS for one origin",
            &[LONG, ("access-control-allow-origin", "https://a.example")],
            with(&[("origin", "https://a.example")]),
            with(&[("origin", "https://b.example")]),
        )
        .shared_by_standard(),
        probe("302 without a lifetime", &[("location", "/a")], PLAIN, PLAIN).status(302),
        probe("404 without a lifetime", &[], PLAIN, PLAIN).status(404),
        probe("500 without a lifetime", &[], PLAIN, PLAIN).status(500),
        probe("401", long, PLAIN, PLAIN).status(401).shared_by_standard(),
        probe("403, Cookie", long, cookies[0], cookies[1]).status(403).shared_by_standard(),
        probe("429", long, PLAIN, PLAIN).status(429).shared_by_standard(),
        probe("500", long, PLAIN, PLAIN).status(500).shared_by_standard(),
    ]
}
