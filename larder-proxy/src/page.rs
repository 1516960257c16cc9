//! The page: one file without anything from elsewhere, and under rules that allow nothing else to run.

use axum::{
    http::{
        HeaderName, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};

use crate::watch::Status;

const PAGE: &str = include_str!("page.html");

/// What stands in the page where each answer has a nonce of its own.
const NONCE: &str = "{nonce}";

const SAME_SITE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Neither is anyone else's to keep, to frame or to read.
const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (SAME_SITE, "same-origin"),
];

pub(crate) fn html() -> Response {
    let nonce: u128 = rand::random();
    let nonce = format!("{nonce:032x}");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let own = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, &policy)];
    (HEADERS, own, PAGE.replace(NONCE, &nonce)).into_response()
}

pub(crate) fn json(status: &Status) -> Response {
    match serde_json::to_vec(status) {
        Ok(json) => (HEADERS, [(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for elsewhere in
            ["src=", "url(", "@import", "innerHTML", "insertAdjacent", "onclick", "eval("]
        {
            assert!(!PAGE.contains(elsewhere), "{elsewhere}");
        }
        // The name of SVG is no address that anyone goes to.
        let addresses = PAGE.replace("http://www.w3.org/2000/svg", "");
        assert!(!addresses.contains("http://") && !addresses.contains("https://"));
    }

    #[test]
    fn each_answer_has_rules_of_its_own() {
        let rules = || {
            let answer = html();
            answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        assert!(rules().starts_with("default-src 'none'; script-src 'nonce-"));
        assert!(!rules().contains("unsafe"));
        assert_ne!(rules(), rules());
        assert_eq!(PAGE.matches(NONCE).count(), 2);
    }
}
