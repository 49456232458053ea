//! What the process is told by signals, as orders for the daemon.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::Order;

/// How many orders may wait. More of the same say nothing new.
const QUEUE: usize = 4;

/// Turns SIGTERM, SIGINT and SIGHUP into orders. Once this is called, they end nothing by themselves.
///
/// # Errors
///
/// Where the system lets no signal be caught.
pub fn orders() -> io::Result<mpsc::Receiver<Order>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (orders, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        loop {
            let order = tokio::select! {
                _ = terminate.recv() => Order::Stop,
                _ = interrupt.recv() => Order::Stop,
                _ = hang_up.recv() => Order::Reload,
            };
            if orders.send(order).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
