//! The address that the service listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// How many connections may wait to be taken in; the kernel cuts it to what it allows.
const WAITING: i32 = 4_096;

/// Takes an address. Whoever finds the queue full tries again after a second: with the 128 places that the standard
/// library asks for, ten thousand clients need most of a minute to come in.
///
/// # Errors
/// The address is taken, or not one of this machine.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // Said again of a socket that listens already, it changes the length of its queue.
    rustix::net::listen(&listener, WAITING)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;
    use std::time::Duration;

    #[test]
    fn many_may_come_at_once() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let many = allowed.trim().parse::<usize>().unwrap().min(400);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody takes them in; one that finds no place gets no answer.
        let patience = Duration::from_millis(900);
        let came: Vec<_> =
            (0..many).map_while(|_| TcpStream::connect_timeout(&address, patience).ok()).collect();
        assert_eq!(came.len(), many);
    }
}
