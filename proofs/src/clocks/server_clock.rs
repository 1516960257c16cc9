use integration_tests::servers::{RedisServer, Reply};

use crate::Result;

/// Everything that ends does so this much later, or earlier: what a step of the server's clock does.
const STEP: &str = "
    local moved = 0
    for _, key in ipairs(redis.call('KEYS', '*')) do
        local left = redis.call('PTTL', key)
        if left >= 0 then
            redis.call('PEXPIRE', key, left + tonumber(ARGV[1]))
            moved = moved + 1
        end
    end
    return moved";

/// Sets the clock of a Redis back by so much, or forward, and says how much stood there that ends.
pub(super) async fn set_back(redis: &RedisServer, ms: i64) -> Result<u64> {
    match redis.cli(&["EVAL", STEP, "0", &ms.to_string()]).await? {
        Reply::Number(moved) => Ok(moved.unsigned_abs()),
        other => Err(format!("the step was answered with {other:?}").into()),
    }
}
