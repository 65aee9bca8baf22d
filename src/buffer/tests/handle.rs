//! The whole buffer through its handle, with the real storage thread.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::buffer::{
    AppendError, Buffer, BufferError, MAX_BODY_BYTES, ReadLimit, idle_status, idle_verify, open,
    open_in_memory,
};
use crate::clock::SystemClock;
use crate::config::BufferConfig;
use crate::record::Lane;

const CONFIG: BufferConfig = BufferConfig {
    commit_interval: Duration::from_millis(10),
    max_bytes: 64 << 20,
    alert_reserve_bytes: 1 << 20,
    segment_bytes: 1 << 20,
};

const MANY: ReadLimit = ReadLimit {
    records: 100_000,
    bytes: 64 << 20,
};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn started(dir: &Path) -> (Buffer, crate::buffer::Opened, std::thread::JoinHandle<()>) {
    open(&CONFIG, dir, Arc::new(SystemClock::start())).unwrap()
}

async fn reached(buffer: &Buffer, lane: Lane, seq: u64) {
    let mut committed = buffer.committed();
    committed.wait_for(|c| c.of(lane) >= seq).await.unwrap();
}

#[test]
fn what_is_appended_is_committed_read_acknowledged_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let first_epoch = block_on(async {
        let (buffer, opened, thread) = started(dir.path());
        assert_eq!(opened.previous_epoch, None);
        for index in 0..50_u8 {
            buffer
                .try_append(Lane::Telemetry, vec![index; 4000])
                .unwrap();
        }
        buffer.try_append(Lane::Alerts, b"alert".to_vec()).unwrap();
        reached(&buffer, Lane::Telemetry, 50).await;
        reached(&buffer, Lane::Alerts, 1).await;
        let records = buffer.read(Lane::Telemetry, 1, MANY).await.unwrap();
        assert_eq!(records.len(), 50);
        assert!(records.iter().all(|r| r.epoch == opened.epoch));
        buffer.ack(Lane::Telemetry, 20);
        let status = buffer.status().await.unwrap();
        assert_eq!(status.lanes[1].pending_records, 30);
        assert!(status.lanes[1].oldest_pending_ms.is_some());
        assert!(buffer.verify().await.unwrap().is_clean());
        assert!(matches!(
            open(&CONFIG, dir.path(), Arc::new(SystemClock::start())),
            Err(BufferError::Locked { .. })
        ));
        assert!(matches!(
            idle_verify(dir.path()),
            Err(BufferError::Locked { .. })
        ));
        buffer.shutdown().await.unwrap();
        thread.join().unwrap();
        assert_eq!(
            buffer.try_append(Lane::Alerts, vec![]),
            Err(AppendError::Closed)
        );
        assert!(matches!(buffer.status().await, Err(BufferError::Closed)));
        opened.epoch
    });
    assert!(idle_verify(dir.path()).unwrap().is_clean());
    let idle = idle_status(dir.path(), CONFIG.max_bytes).unwrap();
    assert_eq!(idle.lanes[1].pending_records, 30);
    block_on(async {
        let (buffer, opened, thread) = started(dir.path());
        assert_eq!(opened.previous_epoch, Some(first_epoch));
        assert!(opened.epoch > first_epoch);
        assert_eq!(buffer.first_pending(Lane::Telemetry).await.unwrap(), 21);
        let records = buffer.read(Lane::Telemetry, 21, MANY).await.unwrap();
        assert_eq!((records.len(), records[0].epoch), (30, first_epoch));
        drop(buffer);
        thread.join().unwrap();
    });
}

#[test]
fn an_alert_is_committed_while_telemetry_still_waits() {
    block_on(async {
        let clock = Arc::new(SystemClock::start());
        let slow = BufferConfig {
            commit_interval: Duration::from_hours(1),
            ..CONFIG
        };
        let (buffer, _opened, thread) = open_in_memory(&slow, 1, clock).unwrap();
        let mut queued = 0;
        for _ in 0..10_000 {
            queued += u64::from(buffer.try_append(Lane::Telemetry, vec![0; 100]).is_ok());
        }
        buffer.try_append(Lane::Alerts, b"now".to_vec()).unwrap();
        reached(&buffer, Lane::Alerts, 1).await;
        assert_eq!(buffer.committed().borrow().telemetry, 0);
        buffer.shutdown().await.unwrap();
        assert_eq!(buffer.committed().borrow().telemetry, queued);
        thread.join().unwrap();
    });
}

#[test]
fn a_full_queue_and_an_oversized_body_are_refused() {
    block_on(async {
        let clock = Arc::new(SystemClock::start());
        let (buffer, _opened, thread) = open_in_memory(&CONFIG, 1, clock).unwrap();
        let refused = buffer.try_append(Lane::Alerts, vec![0; MAX_BODY_BYTES + 1]);
        assert!(matches!(refused, Err(AppendError::TooLarge { .. })));
        let body = vec![7; MAX_BODY_BYTES + 1];
        let refused = buffer.offer(Lane::Alerts, body.clone()).unwrap_err();
        assert_eq!(
            (refused.to_string(), refused.body),
            (refused.error.to_string(), body)
        );
        while buffer
            .try_append(Lane::Telemetry, vec![0; MAX_BODY_BYTES])
            .is_ok()
        {}
        let refused = buffer.try_append(Lane::Telemetry, vec![0; MAX_BODY_BYTES]);
        assert!(matches!(refused, Ok(()) | Err(AppendError::Full)));
        buffer.shutdown().await.unwrap();
        thread.join().unwrap();
        let refused = buffer.offer(Lane::Alerts, vec![1, 2]).unwrap_err();
        assert_eq!(
            (refused.error, refused.body),
            (AppendError::Closed, vec![1, 2])
        );
    });
}

#[test]
fn a_rejected_record_becomes_a_drop_record_in_the_alert_lane() {
    block_on(async {
        let clock = Arc::new(SystemClock::start());
        let (buffer, mut opened, thread) = open_in_memory(&CONFIG, 1, clock).unwrap();
        buffer.try_append(Lane::Telemetry, vec![1]).unwrap();
        reached(&buffer, Lane::Telemetry, 1).await;
        buffer.reject(Lane::Telemetry, 1).unwrap();
        buffer.shutdown().await.unwrap();
        thread.join().unwrap();
        assert_eq!(buffer.committed().borrow().alerts, 1);
        assert!(opened.incidents.recv().await.is_some());
    });
}
