//! Where the primary's write-ahead log has been, and until when: so that a replica's place in it says how old it is.
//! It does not know who asks the servers.
//!
//! The time of a replica's last transaction would not do: where nobody writes, it grows old on a replica that lacks nothing.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Places that are remembered: at twenty a second, for ten minutes. Who is further behind is that much behind, or more.
const PLACES_MAX: usize = 12_000;

/// A place in the write-ahead log, in bytes.
pub type Place = u64;

/// What is known of the primary.
#[derive(Default)]
pub struct Course {
    places: Mutex<VecDeque<Been>>,
    cluster: Mutex<Option<Cluster>>,
}

/// What a primary has in common with all that were made from it, and with nobody else.
pub type Cluster = i64;

struct Been {
    place: Place,
    /// The primary was there then, or further.
    since: Instant,
    /// The primary had not gone further then.
    until: Instant,
}

/// How old what a server has is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It has everything that the primary had then.
    WholeUntil(Instant),
    /// It lacks something that the primary had then; nobody remembers since when.
    OlderThan(Instant),
    /// The primary was not asked yet.
    Unknown,
}

impl Course {
    pub fn is_of(&self, cluster: Cluster) {
        *self.cluster.lock() = Some(cluster);
    }

    pub fn cluster(&self) -> Option<Cluster> {
        *self.cluster.lock()
    }

    /// The primary answered with this place when it was asked at this moment.
    pub fn note(&self, place: Place, asked: Instant) {
        let places = &mut *self.places.lock();
        let been = Been { place, since: asked, until: asked };
        match places.back_mut() {
            Some(last) if last.place == place => last.until = asked,
            // Another primary, which has not everything that the last one had.
            Some(last) if last.place > place => {
                places.clear();
                places.push_back(been);
            }
            _ => places.push_back(been),
        }
        if places.len() > PLACES_MAX {
            places.pop_front();
        }
    }

    /// Of a server that has come so far.
    pub fn age(&self, place: Place) -> Age {
        let places = self.places.lock();
        let passed = places.partition_point(|been| been.place <= place);
        match (passed.checked_sub(1).and_then(|last| places.get(last)), places.front()) {
            (Some(been), _) => Age::WholeUntil(been.until),
            (None, Some(oldest)) => Age::OlderThan(oldest.since),
            (None, None) => Age::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_place_tells_how_old_a_replica_is() {
        let (course, begin) = (Course::default(), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(course.age(7), Age::Unknown);
        for (ms, place) in [(0, 10), (50, 10), (100, 30), (150, 40)] {
            course.note(place, at(ms));
        }
        // At 50 ms the primary had nothing behind 10; what came then is missing.
        for (place, ms) in [(10, 50), (29, 50), (30, 100), (39, 100), (40, 150), (99, 150)] {
            assert_eq!(course.age(place), Age::WholeUntil(at(ms)), "{place}");
        }
        // However long the primary stands still now: how old this is was never seen.
        assert_eq!(course.age(9), Age::OlderThan(at(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_primary_makes_nobody_old() {
        let (course, begin) = (Course::default(), Instant::now());
        for second in 0..3_600 {
            course.note(10, begin + Duration::from_secs(second));
        }
        assert_eq!(course.age(10), Age::WholeUntil(begin + Duration::from_secs(3_599)));
        assert_eq!(course.places.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn another_primary_begins_anew_and_the_memory_is_bounded() {
        let (course, begin) = (Course::default(), Instant::now());
        for nth in 0..20_000 {
            course.note(nth, begin + Duration::from_millis(nth));
        }
        assert_eq!(course.places.lock().len(), PLACES_MAX);
        assert_eq!(course.age(5), Age::OlderThan(begin + Duration::from_millis(8_000)));
        let later = begin + Duration::from_secs(60);
        course.note(15_000, later);
        assert_eq!(course.age(19_999), Age::WholeUntil(later));
        assert_eq!(course.places.lock().len(), 1);
    }
}
