// ImportService: jobs of another server, as a client hands them on.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <limits>

#include "base/crc32c.h"
#include "normlab/v1/imports.grpc.pb.h"
#include "proto/spec.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kData(64, 'd');  // the hash of the other store's data set

class ImportServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    imports_ = v1::ImportService::NewStub(NewChannel());
  }

  // As another server shows a job of its own.
  static v1::Job Ended(std::uint64_t seed = 1) {
    v1::Job job;
    std::vector<FieldViolation> violations;
    *job.mutable_spec() = ResolveSpec(MnistRequest(seed).spec(), violations);
    job.set_job_id("j4711");
    job.set_state(v1::JOB_STATE_SUCCEEDED);
    job.set_fingerprint(std::string(64, 'f'));
    job.mutable_created()->set_seconds(1'000);
    job.mutable_started()->set_seconds(1'001);
    job.mutable_finished()->set_seconds(1'002);
    job.set_steps_done(20);
    job.set_steps_total(20);
    (*job.mutable_facts())["numerics_revision"] = "1";
    (*job.mutable_facts())["model_revision"] = "1";
    (*job.mutable_facts())["arithmetic"] = "AVX3";
    (*job.mutable_facts())["data." + DatasetName(job.spec())] = kData;
    Identify(job);
    return job;
  }

  static void Identify(v1::Job& job) {
    const auto revision = [&](const std::string& key) { return std::stoi(job.facts().at(key)); };
    job.set_identity(Identity(job.spec(), kData, {revision("numerics_revision"), revision("model_revision")}));
  }

  static v1::ImportJobRequest Header(const v1::Job& job, std::uint64_t points = 0, std::uint32_t artifacts = 0) {
    v1::ImportJobRequest message;
    *message.mutable_header()->mutable_job() = job;
    message.mutable_header()->set_points(points);
    message.mutable_header()->set_artifacts(artifacts);
    return message;
  }

  static v1::ImportJobRequest Points(const std::string& series, std::uint64_t first, int n) {
    v1::ImportJobRequest message;
    message.mutable_points()->set_series(series);
    for (int i = 0; i < n; ++i) {
      message.mutable_points()->add_steps(first + static_cast<std::uint64_t>(i));
      message.mutable_points()->add_values(0.5 * i);
      message.mutable_points()->add_wall_ms(1'000'000 + i);
    }
    return message;
  }

  static v1::ImportJobRequest Artifact(const std::string& name, const std::string& bytes) {
    v1::ImportJobRequest message;
    message.mutable_artifact()->set_name(name);
    message.mutable_artifact()->set_media_type("image/png");
    message.mutable_artifact()->set_size(bytes.size());
    message.mutable_artifact()->set_crc32c(Crc32c(bytes));
    return message;
  }

  static v1::ImportJobRequest Data(const std::string& bytes) {
    v1::ImportJobRequest message;
    message.set_data(bytes);
    return message;
  }

  grpc::Status Import(const std::vector<v1::ImportJobRequest>& messages, v1::ImportJobResponse* response) {
    CallContext context;
    const auto writer = imports_->ImportJob(&context, response);
    for (const v1::ImportJobRequest& message : messages) {
      writer->Write(message);  // false once the server has refused; Finish says why
    }
    writer->WritesDone();
    return writer->Finish();
  }
  grpc::Status Import(const std::vector<v1::ImportJobRequest>& messages) {
    v1::ImportJobResponse response;
    return Import(messages, &response);
  }

  std::unique_ptr<v1::ImportService::Stub> imports_;
};

TEST_F(ImportServiceTest, AJobIsTakenInWholeAndOnce) {
  v1::ImportJobResponse response;
  v1::ImportJobRequest header = Header(Ended(), 30, 1);
  header.mutable_header()->add_left_out("train/batch_nll");
  const grpc::Status status =
      Import({header, Points("test/error", 0, 10), Points("test/error", 10, 10), Points("train/nll", 0, 10),
              Artifact("a.png", "pixels"), Data("pix"), Data("els")},
             &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(response.reused());
  const v1::Job job = Get(response.job().job_id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(job.identity(), Ended().identity());
  EXPECT_EQ(job.finished().seconds(), 1'002);
  EXPECT_EQ(job.facts().at("imported"), "it was j4711 of another store, without train/batch_nll");
  CallContext context;
  v1::ListSeriesRequest request;
  request.set_job_id(job.job_id());
  v1::ListSeriesResponse series;
  ASSERT_TRUE(curves_->ListSeries(&context, request, &series).ok());
  ASSERT_EQ(series.series_size(), 2);
  EXPECT_EQ(series.series(0).points(), 20u);

  EXPECT_TRUE(Import({header, Points("test/error", 0, 20), Points("train/nll", 0, 10), Artifact("a.png", "pixels"),
                      Data("pixels")},
                     &response)
                  .ok());
  EXPECT_TRUE(response.reused());
  EXPECT_EQ(response.job().job_id(), job.job_id());
}

TEST_F(ImportServiceTest, AnotherIdentityThanThatOfItsContentIsRefused) {
  v1::Job job = Ended();
  job.mutable_spec()->set_seed(2);
  EXPECT_THAT(WrongFields(Import({Header(job)})), ElementsAre("header.job.identity"));
  job = Ended();
  (*job.mutable_facts())["model_revision"] = "2";
  EXPECT_THAT(WrongFields(Import({Header(job)})), ElementsAre("header.job.identity"));
  job = Ended();
  (*job.mutable_facts())["data." + DatasetName(job.spec())] = std::string(64, 'e');
  EXPECT_THAT(WrongFields(Import({Header(job)})), ElementsAre("header.job.identity"));
}

TEST_F(ImportServiceTest, OptionsThatCameLaterHaveTheirDefaults) {
  v1::Job old = Ended();
  old.mutable_spec()->mutable_mnist_mlp()->clear_batch_norm_decay();  // as if the other build had not known it
  Identify(old);
  ASSERT_NE(old.identity(), Ended().identity());
  v1::ImportJobResponse response;
  const grpc::Status status = Import({Header(old)}, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.job().identity(), Ended().identity()) << "so that it answers what this build would run";
}

TEST_F(ImportServiceTest, EveryWrongFieldOfTheHeaderIsNamed) {
  v1::Job job = Ended();
  job.set_state(v1::JOB_STATE_RUNNING);
  job.mutable_spec()->mutable_mnist_mlp()->set_batch_size(0);
  job.set_cpu_seconds(-1);
  (*job.mutable_labels())["bad key"] = "x";
  EXPECT_THAT(WrongFields(Import({Header(job)})),
              testing::IsSupersetOf({std::string("header.job.spec.mnist_mlp.batch_size"),
                                     std::string("header.job.state"), std::string("header.job.cpu_seconds")}));
  job = Ended();
  job.set_fingerprint("f00d");
  EXPECT_THAT(WrongFields(Import({Header(job)})), ElementsAre("header.job.fingerprint"));
  job.mutable_facts()->erase("model_revision");
  job.set_fingerprint(std::string(64, 'f'));
  EXPECT_THAT(WrongFields(Import({Header(job)})), ElementsAre("header.job.facts[\"model_revision\"]"));
  job = Ended();
  job.mutable_facts()->erase("arithmetic");
  EXPECT_THAT(WrongFields(Import({Header(job)})), ElementsAre("header.job.facts[\"arithmetic\"]"));
  job = Ended();
  job.mutable_created()->set_seconds(std::numeric_limits<std::int64_t>::max());
  job.mutable_started()->set_seconds(-1);
  job.mutable_finished()->set_nanos(-1);
  EXPECT_THAT(WrongFields(Import({Header(job)})),
              ElementsAre("header.job.created", "header.job.started", "header.job.finished"));
}

TEST_F(ImportServiceTest, StreamsThatBreakTheRulesLeaveNothing) {
  const v1::Job job = Ended();
  EXPECT_THAT(WrongFields(Import({})), ElementsAre("header"));
  EXPECT_THAT(WrongFields(Import({Points("a", 0, 1)})), ElementsAre("header"));
  EXPECT_THAT(WrongFields(Import({Header(job), Header(job)})), ElementsAre("header"));
  EXPECT_THAT(WrongFields(Import({Header(job), v1::ImportJobRequest()})), ElementsAre("part"));
  EXPECT_THAT(WrongFields(Import({Header(job, 1), Points("a", 0, 2)})), ElementsAre("points"));
  EXPECT_THAT(WrongFields(Import({Header(job, 1), Points("a b", 0, 1)})), ElementsAre("points.series"));
  EXPECT_THAT(WrongFields(Import({Header(job), Data("x")})), ElementsAre("data"));
  EXPECT_THAT(WrongFields(Import({Header(job), Artifact("a.png", "x")})), ElementsAre("artifact"));
  EXPECT_THAT(WrongFields(Import({Header(job, 0, 1), Artifact("a/b", "x")})), ElementsAre("artifact.name"));
  EXPECT_THAT(WrongFields(Import({Header(job, 0, 1), Artifact("a.png", "x"), Data("xy")})), ElementsAre("data"));

  EXPECT_EQ(Import({Header(job, 2), Points("a", 0, 1)}).error_code(), grpc::StatusCode::DATA_LOSS) << "cut short";
  EXPECT_EQ(Import({Header(job, 0, 1), Artifact("a.png", "xy"), Data("x")}).error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(Import({Header(job, 2), Points("a", 5, 1), Points("a", 0, 1)}).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT)
      << "steps fall between two messages";
  EXPECT_EQ(Import({Header(job, std::uint64_t{1} << 40)}).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  CallContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(jobs_->ListJobs(&context, {}, &jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 0);
}

TEST_F(ImportServiceTest, AClientThatGoesAwayHalfWayLeavesNothing) {
  {
    CallContext context;
    v1::ImportJobResponse response;
    const auto writer = imports_->ImportJob(&context, &response);
    writer->Write(Header(Ended(), 20));
    writer->Write(Points("a", 0, 10));
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
  }
  // The gate lets go of the call; whatever the server made of it is there by then.
  daemon_.reset();
  StartServer();
  CallContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(jobs_->ListJobs(&context, {}, &jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 0);
}

}  // namespace
}  // namespace normlab::server
