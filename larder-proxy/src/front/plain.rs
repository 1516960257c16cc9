//! Answers of the proxy's own: a status and a line of text.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE},
};
use http_body_util::Full;

pub(crate) fn plain(status: StatusCode, why: &str, close: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{status}: {why}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if close {
        // What follows on this connection may be no request.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
