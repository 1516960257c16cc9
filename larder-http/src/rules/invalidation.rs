//! What a request that may have changed something makes doubtful (RFC 9111, section 4.4).

use http::{
    HeaderMap, Method, StatusCode, Uri,
    header::{CONTENT_LOCATION, LOCATION},
};

/// Whether a request with this method may have changed what others are given. An unknown one may.
pub(crate) fn may_change(method: &Method) -> bool {
    // The safe ones (RFC 9110, section 9.2.1).
    ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// Whether it did, by its answer: an error changed nothing.
pub(crate) fn has_changed(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// Where else something may have changed: what the answer refers to, on the same host and port.
pub(crate) fn elsewhere(scheme: &str, host: &str, target: &Uri, answer: &HeaderMap) -> Vec<Uri> {
    let lines = answer.get_all(LOCATION).iter().chain(answer.get_all(CONTENT_LOCATION));
    let references = lines.filter_map(|line| line.to_str().ok());
    references.filter_map(|reference| resolve(scheme, host, target, reference)).collect()
}

/// A reference on the same server, as path and query. Another server's may not be touched: who answers for
/// one could otherwise empty the cache of another.
///
/// The scheme does not matter: behind a proxy that speaks TLS the client's is another than ours.
fn resolve(scheme: &str, host: &str, target: &Uri, reference: &str) -> Option<Uri> {
    let reference = reference.split('#').next().filter(|reference| !reference.is_empty())?;
    if let Some(rest) = reference.strip_prefix("//") {
        return resolve(scheme, host, target, &format!("{scheme}://{rest}"));
    }
    if reference.starts_with('/') {
        return reference.parse().ok();
    }
    if reference.starts_with('?') {
        return format!("{}{reference}", target.path()).parse().ok();
    }
    if reference.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        let uri: Uri = reference.parse().ok()?;
        let default = match uri.scheme_str()? {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        let authority = uri.authority()?.as_str();
        let authority = authority.strip_suffix(default).unwrap_or(authority);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        return authority.eq_ignore_ascii_case(host).then(|| path.parse().ok())?;
    }
    let folder = target.path().rfind('/').map_or("/", |at| &target.path()[..=at]);
    format!("{folder}{reference}").parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn methods_that_are_not_known_to_be_safe_may_change_something() {
        let safe = ["GET", "HEAD", "OPTIONS", "TRACE"];
        for method in
            ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "DELETE", "get", "M-SEARCH"]
        {
            assert_eq!(may_change(&method.parse().unwrap()), !safe.contains(&method), "{method}");
        }
        for (status, changed) in [(200, true), (204, true), (302, true), (404, false), (500, false)]
        {
            assert_eq!(has_changed(StatusCode::from_u16(status).unwrap()), changed, "{status}");
        }
    }

    #[test]
    fn what_an_answer_refers_to_on_the_same_server() {
        let target: Uri = "/a/b?c".parse().unwrap();
        for (reference, expected) in [
            ("/x?y", Some("/x?y")),
            ("http://shop.example/x", Some("/x")),
            ("HTTP://Shop.Example:80/x#f", Some("/x")),
            ("//shop.example/x", Some("/x")),
            ("x", Some("/a/x")),
            ("?z", Some("/a/b?z")),
            ("x?y=a:b", Some("/a/x?y=a:b")),
            ("http://shop.example", Some("/")),
            ("https://shop.example:443/x", Some("/x")),
            ("ftp://shop.example/x", None),
            ("http://other.example/x", None),
            ("//other.example/x", None),
            ("http://shop.example:8080/x", None),
            ("mailto:a", None),
            ("", None),
            ("#f", None),
        ] {
            let answer = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(reference))]);
            let found = elsewhere("http", "shop.example", &target, &answer);
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{reference}");
        }
    }
}
