#include "results/store/new_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>

#include "results/store/chunk_rows.h"
#include "results/store/loose.h"
#include "results/store/series.h"
#include "results/store/tail.h"

namespace normlab::store {
namespace {

struct Series {
  JobId job;
  SeriesRow row;
};

// A stored point and the series, by place in a list, it belongs to.
struct Found {
  std::uint64_t sequence;
  std::size_t series;
  std::uint64_t step;
  double value;
  bool operator<(const Found& other) const { return sequence < other.sequence; }
};

// Points of a series that have not been looked at: those stored after `after`, none of them before `at_least`.
struct Unseen {
  std::uint64_t at_least;
  std::size_t series;
  std::uint64_t after;
  bool operator>(const Unseen& other) const { return at_least > other.at_least; }
};

// What is unseen of a series after `after`; absent if nothing is.
absl::StatusOr<std::optional<Unseen>> LookAhead(Connection& db, const Series& series, std::size_t index,
                                                std::uint64_t after) {
  std::optional<Unseen> unseen;
  if (series.row.last_sequence <= after) {
    return unseen;
  }
  NORMLAB_ASSIGN_OR_RETURN(
      const std::uint64_t first,
      db.Int("SELECT first_sequence FROM chunk WHERE series = ?1 AND last_sequence > ?2 ORDER BY last_sequence LIMIT 1",
             series.row.id, after));
  unseen = Unseen{std::max(first, after + 1), index, after};
  return unseen;
}

// The next chunk of a series that holds points after `after`, else the pieces of its tail that do; of a loose one the next
// points.
absl::StatusOr<Points> NextBlock(Connection& db, const SeriesRow& series, std::uint64_t after) {
  if (series.loose) {
    return NewLoose(db, series.id, after);
  }
  static const std::string sql =
      std::string(kSelectChunk) + "WHERE series = ?1 AND last_sequence > ?2 ORDER BY last_sequence LIMIT 1";
  Points points;
  Query chunk = db.Ask(sql, series.id, after);
  if (chunk.Next()) {
    NORMLAB_RETURN_IF_ERROR(UnpackChunk(chunk, Unpack::kAll, points));
    return points;
  }
  NORMLAB_RETURN_IF_ERROR(chunk.status());
  return NewInTail(db, series.id, after);
}

// Collects the `limit` points with the lowest sequences after a given one.
class Collector {
 public:
  Collector(Connection& db, std::uint64_t sequence, std::size_t limit) : db_(db), sequence_(sequence), limit_(limit) {}

  absl::Status Add(JobId job) {
    NORMLAB_ASSIGN_OR_RETURN(std::vector<SeriesRow> rows, AllSeries(db_, job));
    for (SeriesRow& row : rows) {
      series_.push_back({job, std::move(row)});
      NORMLAB_RETURN_IF_ERROR(Queue(series_.size() - 1, sequence_));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<PointBatch> Collect() {
    while (!unseen_.empty() && (found_.size() < limit_ || unseen_.top().at_least < found_.top().sequence)) {
      const Unseen next = unseen_.top();
      unseen_.pop();
      NORMLAB_ASSIGN_OR_RETURN(const Points block, NextBlock(db_, series_[next.series].row, next.after));
      if (block.size() == 0) {
        return absl::DataLossError(fmt::format("series \"{}\" says it has points after sequence {}; none are stored",
                                               series_[next.series].row.info.name, next.after));
      }
      Keep(block, next.series);
      NORMLAB_RETURN_IF_ERROR(Queue(next.series, block.sequences.back()));
    }
    return Batch();
  }

 private:
  absl::Status Queue(std::size_t series, std::uint64_t after) {
    NORMLAB_ASSIGN_OR_RETURN(const std::optional<Unseen> unseen, LookAhead(db_, series_[series], series, after));
    if (unseen.has_value()) {
      unseen_.push(*unseen);
    }
    return absl::OkStatus();
  }

  void Keep(const Points& block, std::size_t series) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (block.sequences[i] <= sequence_) {
        continue;
      }
      found_.push({block.sequences[i], series, block.steps[i], block.values[i]});
      if (found_.size() > limit_) {
        found_.pop();
      }
    }
  }

  PointBatch Batch() {
    std::vector<Found> ordered(found_.size());
    for (auto it = ordered.rbegin(); it != ordered.rend(); ++it) {
      *it = found_.top();
      found_.pop();
    }
    PointBatch batch;
    batch.sequence = ordered.empty() ? sequence_ : ordered.back().sequence;
    std::vector<std::optional<std::size_t>> column_of(series_.size());
    for (const Found& point : ordered) {
      std::optional<std::size_t>& column = column_of[point.series];
      if (!column.has_value()) {
        column = batch.columns.size();
        batch.columns.push_back({series_[point.series].job, series_[point.series].row.info.name, {}, {}});
      }
      batch.columns[*column].steps.push_back(point.step);
      batch.columns[*column].values.push_back(point.value);
    }
    return batch;
  }

  Connection& db_;
  const std::uint64_t sequence_;
  const std::size_t limit_;
  std::vector<Series> series_;
  std::priority_queue<Unseen, std::vector<Unseen>, std::greater<>> unseen_;  // earliest on top
  std::priority_queue<Found> found_;                                         // latest on top
};

}  // namespace

absl::StatusOr<PointBatch> PointsSince(Connection& db, const std::vector<JobId>& jobs, std::uint64_t sequence,
                                       int limit) {
  if (limit <= 0) {
    return absl::InvalidArgumentError(fmt::format("a batch of {} points was asked for; expected at least 1", limit));
  }
  Collector collector(db, sequence, static_cast<std::size_t>(limit));
  for (const JobId job : jobs) {
    NORMLAB_RETURN_IF_ERROR(collector.Add(job));
  }
  return collector.Collect();
}

}  // namespace normlab::store
