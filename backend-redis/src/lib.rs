//! larder's shared store: a [`Cache`](cache_api::Cache) on Redis.

mod address;
mod builder;
mod cache;
mod commands;
mod connection;
mod exec;
mod keys;
mod reply;
mod tracking;
mod write;

pub use builder::RedisBuilder;
pub use cache::RedisCache;
