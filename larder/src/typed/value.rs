use serde::{Serialize, de::DeserializeOwned};

/// What can be cached as a typed value: everything that is `Serialize`, `DeserializeOwned`, `Send` and
/// `'static`.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct User { name: String }
///
/// fn is_value<T: larder::Value>() {}
/// is_value::<User>();
/// ```
///
/// ```compile_fail
/// struct User { name: String }
///
/// # let larder = larder::Larder::new(backend_memory::MemoryCache::builder().build());
/// // the trait bound is not satisfied: `User` cannot be cached as a typed value
/// let users = larder.namespace("users").unwrap().typed::<User>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached as a typed value",
    label = "not `Serialize + DeserializeOwned + Send + 'static`",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to the type; it must own what it holds",
    note = "for bytes and text use `typed_with(RawBytes)`, for your own format `typed_with(your codec)`"
)]
pub trait Value: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Value for T {}
