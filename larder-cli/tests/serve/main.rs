//! `larder serve`, from outside: the program, an origin of raw sockets, and clients of raw sockets.

mod bodies;
mod browser;
mod client;
mod config;
mod ending;
mod faults;
mod fleet;
mod forwarding;
mod guard;
mod limits;
mod origin;
mod page;
mod program;
mod protocols;
mod status;
mod tunnels;
mod watching;
