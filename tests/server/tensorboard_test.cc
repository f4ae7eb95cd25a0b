// TensorBoardDataProvider: what the stock program is told of jobs, their curves, pictures and configurations.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <limits>

#include "base/crc32c.h"
#include "proto/spec_text.h"
#include "tensorboard/data_provider.grpc.pb.h"
#include "tensorboard/hparams.pb.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

namespace tb = ::tensorboard::data;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kFirst[] = "mnist_mlp/norm=layer/seed=1/j1";
constexpr char kSecond[] = "mnist_mlp/norm=layer/seed=2/j2";

// 284 x 56, by what every PNG begins with; nothing here looks at the rest.
std::string Png(std::size_t size) {
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\x1c\0\0\0\x38", 24);
  png.resize(size, 'x');
  return png;
}

class TensorboardTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    stub_ = tb::TensorBoardDataProvider::NewStub(NewChannel());
  }

  v1::Attempt Run(std::uint64_t seed) {
    Create(seed);
    return LeaseOne().attempt();
  }
  std::string Submit(const std::vector<std::pair<std::string, std::string>>& fields,
                     const std::map<std::string, std::string>& labels = {}) {
    std::vector<FieldViolation> violations;
    v1::CreateJobRequest request;
    *request.mutable_spec() = SpecFromPairs("mnist_mlp", fields, violations);
    EXPECT_THAT(violations, IsEmpty());
    request.mutable_labels()->insert(labels.begin(), labels.end());
    CallContext context;
    v1::CreateJobResponse response;
    EXPECT_TRUE(jobs_->CreateJob(&context, request, &response).ok());
    return response.job().job_id();
  }
  void PutPicture(const v1::Attempt& attempt, const std::string& name, const std::string& bytes, std::uint64_t step,
                  const std::string& media_type = "image/png") {
    CallContext context;
    v1::PutArtifactResponse response;
    const auto writer = workers_->PutArtifact(&context, &response);
    v1::PutArtifactRequest message;
    auto& header = *message.mutable_header();
    *header.mutable_attempt() = attempt;
    header.set_name(name);
    header.set_media_type(media_type);
    header.set_step(step);
    header.set_size(bytes.size());
    header.set_crc32c(Crc32c(bytes));
    writer->Write(message);
    for (std::size_t begin = 0; begin < bytes.size(); begin += 100'000) {
      message.set_data(bytes.substr(begin, 100'000));
      writer->Write(message);
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  template <typename Request>
  static Request Asking(const std::string& plugin) {
    Request request;
    request.mutable_plugin_filter()->set_plugin_name(plugin);
    if constexpr (requires { request.downsample(); }) {
      request.mutable_downsample()->set_num_points(1000);
    }
    return request;
  }
  std::vector<std::string> Runs(const std::string& experiment_id) {
    CallContext context;
    tb::ListRunsRequest request;
    request.set_experiment_id(experiment_id);
    tb::ListRunsResponse response;
    const grpc::Status status = stub_->ListRuns(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> names;
    for (const tb::Run& run : response.runs()) {
      names.push_back(run.name());
    }
    return names;
  }
  std::vector<std::string> Plugins() {
    CallContext context;
    tb::ListPluginsResponse response;
    EXPECT_TRUE(stub_->ListPlugins(&context, {}, &response).ok());
    std::vector<std::string> names;
    for (const tb::Plugin& plugin : response.plugins()) {
      names.push_back(plugin.name());
    }
    return names;
  }
  grpc::Status Read(const tb::ReadScalarsRequest& request, tb::ReadScalarsResponse* response) {
    CallContext context;
    return stub_->ReadScalars(&context, request, response);
  }
  tb::ReadScalarsResponse ReadScalars(const tb::ReadScalarsRequest& request) {
    tb::ReadScalarsResponse response;
    const grpc::Status status = Read(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  tb::ReadBlobSequencesResponse ReadImages() {
    CallContext context;
    tb::ReadBlobSequencesResponse response;
    EXPECT_TRUE(stub_->ReadBlobSequences(&context, Asking<tb::ReadBlobSequencesRequest>("images"), &response).ok());
    return response;
  }
  grpc::Status ReadBlob(const std::string& key, std::string* bytes) {
    CallContext context;
    tb::ReadBlobRequest request;
    request.set_blob_key(key);
    const auto reader = stub_->ReadBlob(&context, request);
    bytes->clear();
    for (tb::ReadBlobResponse piece; reader->Read(&piece);) {
      *bytes += piece.data();
    }
    return reader->Finish();
  }

  std::unique_ptr<tb::TensorBoardDataProvider::Stub> stub_;
};

TEST_F(TensorboardTest, ARunIsAJobNamedByWhatItTrainsAndItsSeed) {
  Submit({{"norm", "layer"}, {"batch_size", "4"}, {"seed", "3"}});
  Submit({{"seed", "1"}});
  EXPECT_THAT(Runs(""), IsEmpty()) << "jobs in the queue have nothing to show";
  EXPECT_THAT(Plugins(), IsEmpty());
  LeaseOne();
  LeaseOne();
  EXPECT_THAT(Runs(""), ElementsAre("mnist_mlp/defaults/seed=1/j2", "mnist_mlp/norm=layer batch_size=4/seed=3/j1"));
  EXPECT_THAT(Plugins(), ElementsAre("scalars", "hparams"));
}

class InterruptedTest : public TensorboardTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = TensorboardTest::Options();
    options.attempts.lease = std::chrono::milliseconds(300);
    return options;
  }
};

TEST_F(InterruptedTest, AJobIsShownWhileItWaitsToGoOn) {
  Submit({{"seed", "1"}});
  Submit({{"seed", "2"}});
  LeaseOne();  // by a worker that is not heard again
  ASSERT_TRUE(Eventually([this] { return Get("j1").state() == v1::JOB_STATE_QUEUED; }));
  EXPECT_THAT(Runs(""), ElementsAre("mnist_mlp/defaults/seed=1/j1")) << "not the one that has not begun";
}

TEST_F(TensorboardTest, AnExperimentIsAChoiceOfJobs) {
  Submit({{"seed", "1"}}, {{"who", "ana"}, {"item", "mnist"}});
  Submit({{"seed", "2"}}, {{"who", "ana"}});
  Submit({{"seed", "3"}});
  for (int i = 0; i < 3; ++i) {
    LeaseOne();
  }
  EXPECT_THAT(Runs(""), SizeIs(3));
  EXPECT_THAT(Runs("defaultExperimentId"), SizeIs(3)) << "so the page says that there is none";
  EXPECT_THAT(Runs("mnist_mlp"), SizeIs(3));
  EXPECT_THAT(Runs("draw"), IsEmpty());
  EXPECT_THAT(Runs("who=ana"), ElementsAre(HasSubstr("/j2"), HasSubstr("/j1")));
  EXPECT_THAT(Runs("mnist_mlp,who=ana,item=mnist"), ElementsAre(HasSubstr("/j1")));
  auto request = Asking<tb::ListTensorsRequest>("hparams");
  request.set_experiment_id("who=ana");
  for (const int job : {1, 2, 3}) {
    request.mutable_run_tag_filter()->mutable_runs()->add_names(fmt::format("mnist_mlp/defaults/seed={0}/j{0}", job));
  }
  CallContext context;
  tb::ListTensorsResponse response;
  ASSERT_TRUE(stub_->ListTensors(&context, request, &response).ok());
  EXPECT_EQ(response.runs_size(), 2) << "a run that is named must be in the experiment, too";
}

TEST_F(TensorboardTest, AWrongExperimentIsSaidSo) {
  for (const auto& [id, what] : std::map<std::string, std::string>{
           {"mnst_mlp", "experiment is mnst_mlp; expected"}, {"mnist_mlp,draw", "two experiments"}, {"=x", "labels"}}) {
    CallContext context;
    tb::GetExperimentRequest request;
    request.set_experiment_id(id);
    tb::GetExperimentResponse response;
    const grpc::Status status = stub_->GetExperiment(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << id;
    EXPECT_THAT(WrongFields(status), ElementsAre("experiment_id")) << id;
    EXPECT_THAT(status.error_message(), HasSubstr(what)) << id;
  }
}

TEST_F(TensorboardTest, EveryWrongFieldIsNamedAtOnce) {
  tb::ReadScalarsRequest request;
  request.set_experiment_id("nothing");
  request.mutable_downsample()->set_num_points(-1);
  for (int i = 0; i < 10'001; ++i) {
    request.mutable_run_tag_filter()->mutable_runs()->add_names("");
    request.mutable_run_tag_filter()->mutable_tags()->add_names("");
  }
  tb::ReadScalarsResponse response;
  EXPECT_THAT(WrongFields(Read(request, &response)),
              ElementsAre("experiment_id", "plugin_filter.plugin_name", "run_tag_filter.runs.names",
                          "run_tag_filter.tags.names", "downsample.num_points"));
  request = Asking<tb::ReadScalarsRequest>("scalars");
  request.clear_downsample();
  EXPECT_THAT(WrongFields(Read(request, &response)), ElementsAre("downsample"));
}

TEST_F(TensorboardTest, SeriesAreScalars) {
  const v1::Attempt first = Run(1);
  const v1::Attempt second = Run(2);
  ASSERT_TRUE(Append(first, "train/nll", 0, 10).ok());
  ASSERT_TRUE(Append(first, "test/error", 5, 1).ok());
  ASSERT_TRUE(Append(second, "train/nll", 0, 3).ok());
  CallContext context;
  tb::ListScalarsResponse listed;
  ASSERT_TRUE(stub_->ListScalars(&context, Asking<tb::ListScalarsRequest>("scalars"), &listed).ok());
  ASSERT_EQ(listed.runs_size(), 2);
  EXPECT_EQ(listed.runs(0).run_name(), kSecond);
  ASSERT_EQ(listed.runs(1).tags_size(), 2);
  EXPECT_EQ(listed.runs(1).tags(0).tag_name(), "test/error");
  EXPECT_EQ(listed.runs(1).tags(0).metadata().max_step(), 5);
  EXPECT_EQ(listed.runs(1).tags(0).metadata().summary_metadata().plugin_data().plugin_name(), "scalars");

  const tb::ReadScalarsResponse read = ReadScalars(Asking<tb::ReadScalarsRequest>("scalars"));
  ASSERT_EQ(read.runs_size(), 2);
  EXPECT_EQ(read.runs(0).run_name(), kSecond);
  ASSERT_EQ(read.runs(0).tags_size(), 1);
  EXPECT_EQ(read.runs(0).tags(0).tag_name(), "train/nll");
  const tb::ScalarData& data = read.runs(0).tags(0).data();
  EXPECT_THAT(data.step(), ElementsAre(0, 1, 2));
  EXPECT_THAT(data.value(), ElementsAre(1.0F, 0.5F, 1.0F / 3));
  EXPECT_THAT(data.wall_time(), ElementsAre(1'700'000'000.0, 1'700'000'000.001, 1'700'000'000.002));
}

// An absent filter lets everything pass, an empty one nothing; what is named and not there is left out.
TEST_F(TensorboardTest, RunsAndTagsAreFiltered) {
  for (const std::uint64_t seed : {1, 2}) {
    const v1::Attempt attempt = Run(seed);
    ASSERT_TRUE(Append(attempt, "train/nll", 0, 3).ok());
    ASSERT_TRUE(Append(attempt, "test/error", 0, 3).ok());
  }
  auto request = Asking<tb::ReadScalarsRequest>("scalars");
  request.mutable_run_tag_filter()->mutable_tags()->add_names("test/error");
  tb::ReadScalarsResponse response = ReadScalars(request);
  ASSERT_EQ(response.runs_size(), 2);
  EXPECT_EQ(response.runs(0).tags_size(), 1);

  auto& runs = *request.mutable_run_tag_filter()->mutable_runs();
  EXPECT_EQ(ReadScalars(request).runs_size(), 0);
  for (const char* name : {kFirst, "mnist_mlp/norm=layer/seed=1/j2", "mnist_mlp/norm=layer/seed=9/j9", "j1", "", "/"}) {
    runs.add_names(name);
  }
  response = ReadScalars(request);
  ASSERT_EQ(response.runs_size(), 1);
  EXPECT_EQ(response.runs(0).run_name(), kFirst);

  request.mutable_run_tag_filter()->mutable_tags()->clear_names();
  EXPECT_EQ(ReadScalars(request).runs_size(), 0) << "a run without tags is none";
}

TEST_F(TensorboardTest, OtherPluginsHaveNoData) {
  ASSERT_TRUE(Append(Run(1), "train/nll", 0, 3).ok());
  EXPECT_EQ(ReadScalars(Asking<tb::ReadScalarsRequest>("histograms")).runs_size(), 0);
}

TEST_F(TensorboardTest, ALongCurveIsShownByAsManyPointsAsAreAskedFor) {
  const v1::Attempt attempt = Run(1);
  ASSERT_TRUE(Append(attempt, "train/nll", 0, 10'000).ok());
  auto request = Asking<tb::ReadScalarsRequest>("scalars");
  for (const int points : {1000, 100, 3, 2, 1}) {
    request.mutable_downsample()->set_num_points(points);
    const tb::ReadScalarsResponse response = ReadScalars(request);
    ASSERT_EQ(response.runs_size(), 1);
    const tb::ScalarData& data = response.runs(0).tags(0).data();
    ASSERT_EQ(data.step_size(), points);
    ASSERT_EQ(data.value_size(), points);
    ASSERT_EQ(data.wall_time_size(), points);
    EXPECT_EQ(data.step(0), points == 1 ? 9999 : 0);
    EXPECT_EQ(data.step(points - 1), 9999);
    EXPECT_TRUE(std::is_sorted(data.step().begin(), data.step().end()));
    EXPECT_EQ(data.value(points - 1), 1e-4F);
  }
  request.mutable_downsample()->set_num_points(0);
  EXPECT_EQ(ReadScalars(request).runs(0).tags(0).data().step_size(), 10'000) << "0 means all of them";
  request.mutable_downsample()->set_num_points(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(ReadScalars(request).runs(0).tags(0).data().step_size(), 10'000);
}

TEST_F(TensorboardTest, AnAnswerHoldsNoMoreThanAMillionPoints) {
  ASSERT_TRUE(Append(Run(1), "train/nll", 0, 100'000).ok());
  auto request = Asking<tb::ReadScalarsRequest>("scalars");
  request.mutable_downsample()->set_num_points(0);
  for (int i = 0; i < 11; ++i) {
    request.mutable_run_tag_filter()->mutable_runs()->add_names(kFirst);
  }
  tb::ReadScalarsResponse response;
  EXPECT_THAT(WrongFields(Read(request, &response)), ElementsAre("downsample.num_points"));
  request.mutable_downsample()->set_num_points(1000);
  EXPECT_EQ(ReadScalars(request).runs_size(), 11);
}

TEST_F(TensorboardTest, NewPointsAppearWhenItReadsAgain) {
  const v1::Attempt attempt = Run(1);
  ASSERT_TRUE(Append(attempt, "train/nll", 0, 3).ok());
  EXPECT_EQ(ReadScalars(Asking<tb::ReadScalarsRequest>("scalars")).runs(0).tags(0).data().step_size(), 3);
  ASSERT_TRUE(Append(attempt, "train/nll", 3, 2).ok());
  EXPECT_EQ(ReadScalars(Asking<tb::ReadScalarsRequest>("scalars")).runs(0).tags(0).data().step_size(), 5);
}

TEST_F(TensorboardTest, PicturesAreImagesOfAWidthAndAHeight) {
  const v1::Attempt attempt = Run(1);
  ASSERT_TRUE(Append(attempt, "test/error", 400, 1).ok());
  const std::string png = Png(600'000);
  PutPicture(attempt, "samples.png", png, 400);
  PutPicture(attempt, "weights.safetensors", "weights", 400, "application/octet-stream");
  EXPECT_THAT(Plugins(), ElementsAre("scalars", "hparams", "images"));
  CallContext context;
  tb::ListBlobSequencesResponse listed;
  ASSERT_TRUE(stub_->ListBlobSequences(&context, Asking<tb::ListBlobSequencesRequest>("images"), &listed).ok());
  ASSERT_EQ(listed.runs_size(), 1);
  EXPECT_EQ(listed.runs(0).run_name(), kFirst);
  ASSERT_EQ(listed.runs(0).tags_size(), 1);
  EXPECT_EQ(listed.runs(0).tags(0).tag_name(), "samples.png");
  EXPECT_EQ(listed.runs(0).tags(0).metadata().max_length(), 3);
  EXPECT_EQ(listed.runs(0).tags(0).metadata().max_step(), 400);

  const tb::ReadBlobSequencesResponse read = ReadImages();
  ASSERT_EQ(read.runs_size(), 1);
  ASSERT_EQ(read.runs(0).tags_size(), 1);
  const tb::BlobSequenceData& data = read.runs(0).tags(0).data();
  EXPECT_THAT(data.step(), ElementsAre(400));
  EXPECT_THAT(data.wall_time(), ElementsAre(1'700'000'000.4)) << "that of the points of its step";
  ASSERT_EQ(data.values_size(), 1);
  ASSERT_EQ(data.values(0).blob_refs_size(), 3);
  std::string bytes;
  ASSERT_TRUE(ReadBlob(data.values(0).blob_refs(0).blob_key(), &bytes).ok());
  EXPECT_EQ(bytes, "284");
  ASSERT_TRUE(ReadBlob(data.values(0).blob_refs(1).blob_key(), &bytes).ok());
  EXPECT_EQ(bytes, "56");
  ASSERT_TRUE(ReadBlob(data.values(0).blob_refs(2).blob_key(), &bytes).ok());
  EXPECT_TRUE(bytes == png);
}

TEST_F(TensorboardTest, APictureThatWasReplacedIsNotShownForTheOldOne) {
  const v1::Attempt attempt = Run(1);
  PutPicture(attempt, "samples.png", Png(100), 10);
  const std::string old = ReadImages().runs(0).tags(0).data().values(0).blob_refs(2).blob_key();
  PutPicture(attempt, "samples.png", Png(200), 20);
  const std::string now = ReadImages().runs(0).tags(0).data().values(0).blob_refs(2).blob_key();
  std::string bytes;
  EXPECT_EQ(ReadBlob(old, &bytes).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(bytes, "");
  EXPECT_TRUE(ReadBlob(now, &bytes).ok());
  EXPECT_THAT(bytes, SizeIs(200));
}

TEST_F(TensorboardTest, BlobKeysAreChecked) {
  const v1::Attempt attempt = Run(1);
  PutPicture(attempt, "broken.png", "no PNG", 10);
  PutPicture(attempt, "weights.safetensors", "weights", 10, "application/octet-stream");
  std::string bytes;
  for (const char* key : {"", "j1", "j1/10", "j1/10/picture", "j1/10/picture/", "1/10/picture/broken.png",
                          "j1/-10/picture/broken.png", "j1/10/depth/broken.png"}) {
    EXPECT_THAT(WrongFields(ReadBlob(key, &bytes)), ElementsAre("blob_key")) << key;
  }
  for (const char* key : {"j1/11/picture/broken.png", "j2/10/picture/broken.png", "j1/10/picture/other.png",
                          "j1/10/picture/weights.safetensors", "j1/10/picture/../broken.png"}) {
    EXPECT_EQ(ReadBlob(key, &bytes).error_code(), grpc::StatusCode::NOT_FOUND) << key;
  }
  EXPECT_EQ(ReadBlob("j1/10/width/broken.png", &bytes).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(ReadBlob("j1/10/picture/broken.png", &bytes).ok());
  EXPECT_EQ(bytes, "no PNG");
}

// The dashboard finds hyperparameters in the metadata of two tensors of each run.
class HparamsTest : public TensorboardTest {
 protected:
  // By run and tag.
  std::map<std::string, std::map<std::string, tensorboard::hparams::HParamsPluginData>> Read() {
    CallContext context;
    tb::ListTensorsResponse response;
    EXPECT_TRUE(stub_->ListTensors(&context, Asking<tb::ListTensorsRequest>("hparams"), &response).ok());
    std::map<std::string, std::map<std::string, tensorboard::hparams::HParamsPluginData>> data;
    for (const auto& run : response.runs()) {
      for (const auto& tag : run.tags()) {
        const auto& plugin = tag.metadata().summary_metadata().plugin_data();
        EXPECT_EQ(plugin.plugin_name(), "hparams");
        EXPECT_TRUE(data[run.run_name()][tag.tag_name()].ParseFromString(plugin.content()));
      }
    }
    return data;
  }
};

TEST_F(HparamsTest, TheFieldsOfAConfigurationAreHyperparameters) {
  Submit({{"norm", "layer"}, {"batch_size", "4"}, {"seed", "3"}});
  LeaseOne();
  const auto data = Read();
  ASSERT_THAT(data, SizeIs(1));
  const auto& start = data.begin()->second.at("_hparams_/session_start_info").session_start_info();
  EXPECT_EQ(start.hparams().at("experiment").string_value(), "mnist_mlp");
  EXPECT_EQ(start.hparams().at("norm").string_value(), "layer");
  EXPECT_EQ(start.hparams().at("batch_size").number_value(), 4);
  EXPECT_GT(start.hparams().at("learning_rate").number_value(), 0) << "those at their default, too";
  EXPECT_FALSE(start.hparams().contains("seed")) << "a group's sessions differ in it";
  EXPECT_GT(start.start_time_secs(), 1.7e9);
}

TEST_F(HparamsTest, SeedsOfOneConfigurationAreAGroup) {
  Run(1);
  Run(2);
  Submit({{"norm", "batch"}});
  LeaseOne();
  std::map<std::string, int> groups;
  for (const auto& [run, tags] : Read()) {
    ++groups[tags.at("_hparams_/session_start_info").session_start_info().group_name()];
  }
  EXPECT_EQ(groups, (std::map<std::string, int>{{"mnist_mlp/norm=batch", 1}, {"mnist_mlp/norm=layer", 2}}));
}

TEST_F(HparamsTest, ARunSaysHowItEnded) {
  Run(1);
  ASSERT_TRUE(Finish(Run(2)).ok());
  ASSERT_TRUE(Finish(Run(3), v1::OUTCOME_FAILED).ok());
  const auto data = Read();
  const auto end = [&](const std::string& run) {
    return data.at(run).at("_hparams_/session_end_info").session_end_info();
  };
  EXPECT_EQ(end(kFirst).status(), tensorboard::hparams::STATUS_RUNNING);
  EXPECT_EQ(end(kFirst).end_time_secs(), 0);
  EXPECT_EQ(end(kSecond).status(), tensorboard::hparams::STATUS_SUCCESS);
  EXPECT_GT(end(kSecond).end_time_secs(), 1.7e9);
  EXPECT_EQ(end("mnist_mlp/norm=layer/seed=3/j3").status(), tensorboard::hparams::STATUS_FAILURE);
}

TEST_F(HparamsTest, TheTensorsAreEmpty) {
  Run(1);
  CallContext context;
  tb::ReadTensorsResponse response;
  ASSERT_TRUE(stub_->ReadTensors(&context, Asking<tb::ReadTensorsRequest>("hparams"), &response).ok());
  ASSERT_EQ(response.runs_size(), 1);
  ASSERT_EQ(response.runs(0).tags_size(), 2);
  EXPECT_THAT(response.runs(0).tags(0).data().step(), ElementsAre(0));
  EXPECT_EQ(response.runs(0).tags(0).data().value(0).tensor_shape().dim(0).size(), 0);
}

}  // namespace
}  // namespace normlab::server
