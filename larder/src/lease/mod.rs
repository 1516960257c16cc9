//! Tokens, conditional commits, unknown outcomes: judged here, in one place.
