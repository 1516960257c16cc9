//! Conditional writes that the server has no command for.

use std::sync::LazyLock;

use cache_api::{Condition, Key, Ttl};
use redis::{Cmd, cmd};

use super::lifetime_argument;

/// Judges the condition by the head of the value. Scripts run alone, so what follows is one step with it.
///
/// `ARGV[1]`: `0` absent, `1` present, `=…` begins with. `head` is false where nothing stands. An error
/// of GETRANGE (an entry of another type) is the answer as it is.
const JUDGE: &str = "
local head = redis.pcall('GETRANGE', KEYS[1], 0, 63)
if type(head) == 'table' then return head end
if head == '' and redis.call('EXISTS', KEYS[1]) == 0 then head = false end
local want, holds = ARGV[1], false
if want == '0' then holds = not head
elseif want == '1' then holds = head ~= false
else holds = head and string.sub(head, 1, #want - 1) == string.sub(want, 2) end
if not holds then return {0, head} end
";

const SET: &str = "
if ARGV[2] == '0' then redis.call('UNLINK', KEYS[1])
elseif ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[3])
else redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2]) end
return {1}
";

const DELETE: &str = "
redis.call('UNLINK', KEYS[1])
return {1}
";

const EXPIRE: &str = "
if ARGV[2] == '0' then redis.call('UNLINK', KEYS[1])
elseif ARGV[2] == '' then redis.call('PERSIST', KEYS[1])
else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1}
";

/// A script and its name on the server. Its answer is an array: 1 for done, or 0 and what stood there.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    digest: String,
}

pub(crate) static SET_IF: LazyLock<Script> = LazyLock::new(|| Script::new(SET));
pub(crate) static DELETE_IF: LazyLock<Script> = LazyLock::new(|| Script::new(DELETE));
pub(crate) static EXPIRE_IF: LazyLock<Script> = LazyLock::new(|| Script::new(EXPIRE));

impl Script {
    fn new(action: &str) -> Self {
        let text = format!("{JUDGE}{action}");
        let digest = redis::Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }
}

/// A script with its arguments.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    script: &'static Script,
    key: &'a Key,
    condition: Vec<u8>,
    ttl: Option<String>,
    value: Option<&'a [u8]>,
}

impl<'a> Call<'a> {
    pub(crate) fn set(key: &'a Key, value: &'a [u8], ttl: Ttl, condition: &Condition) -> Self {
        let ttl = Some(lifetime_argument(ttl));
        let condition = condition_argument(condition);
        Self { script: &SET_IF, key, condition, ttl, value: Some(value) }
    }

    pub(crate) fn delete(key: &'a Key, condition: &Condition) -> Self {
        let condition = condition_argument(condition);
        Self { script: &DELETE_IF, key, condition, ttl: None, value: None }
    }

    pub(crate) fn expire(key: &'a Key, ttl: Ttl, condition: &Condition) -> Self {
        let ttl = Some(lifetime_argument(ttl));
        let condition = condition_argument(condition);
        Self { script: &EXPIRE_IF, key, condition, ttl, value: None }
    }

    /// By its name, which the server knows once it has seen the text.
    pub(crate) fn by_digest(&self) -> Cmd {
        self.arguments(cmd("EVALSHA").arg(&self.script.digest))
    }

    pub(crate) fn by_text(&self) -> Cmd {
        self.arguments(cmd("EVAL").arg(&self.script.text))
    }

    fn arguments(&self, eval: &mut Cmd) -> Cmd {
        eval.arg(1).arg(self.key.as_bytes()).arg(&self.condition[..]);
        if let Some(ttl) = &self.ttl {
            eval.arg(ttl);
        }
        if let Some(value) = self.value {
            eval.arg(value);
        }
        eval.take()
    }
}

fn condition_argument(condition: &Condition) -> Vec<u8> {
    match condition {
        Condition::Absent => b"0".to_vec(),
        Condition::StartsWith(prefix) => [b"=", prefix.as_bytes()].concat(),
        // No script is called for `Always`; a write that needs an entry is the nearest.
        Condition::Present | Condition::Always => b"1".to_vec(),
    }
}
