#include "app/simulate/what_if.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/simulate/machines.h"

namespace keelson::app {
namespace {

using scheduling::Resource;
using testing::HasSubstr;

class WhatIfTest : public testing::Test {
 protected:
  WhatIfTest() {
    fleet_ = ParseMachines({"4x8,32Gi,name=cpu,price=1", "2x8,32Gi,1xT4,name=gpu,price=3,spot-price=1"}, {}).value();
    scheduling::FlavorQuota quota{"f", {}};
    quota.of[static_cast<std::size_t>(Resource::kCpu)] = scheduling::ResourceQuota{8'000, {}, {}};
    quota.of[static_cast<std::size_t>(Resource::kMemory)] = scheduling::ResourceQuota{1 << 30, {}, {}};
    scheduling::FlavorQuota other = quota;
    other.flavor = "g";
    scheduling::ClusterQueue one;
    one.name = "one";
    one.flavors = {quota};
    scheduling::ClusterQueue two = one;
    two.name = "two";
    two.flavors.push_back(other);
    queues_.cluster_queues = {one, two};
  }

  std::string Wrong(const std::string& text) {
    const Status status = ApplyWhatIf(text, fleet_, queues_);
    return status ? "none" : status.error().message;
  }
  std::int64_t Quota(std::size_t queue, std::size_t flavor, Resource resource) const {
    return queues_.cluster_queues[queue].flavors[flavor].of[static_cast<std::size_t>(resource)]->nominal;
  }

  simulation::Fleet fleet_;
  scheduling::Queues queues_;
};

TEST_F(WhatIfTest, ChangesWhatItSays) {
  ASSERT_EQ(Wrong("nodes:cpu=+2,nodes:gpu=-1"), "none");
  EXPECT_EQ(fleet_.pools[0].nodes, 6);
  EXPECT_EQ(fleet_.pools[1].nodes, 1);
  ASSERT_EQ(Wrong("nodes:gpu=7"), "none");
  EXPECT_EQ(fleet_.pools[1].nodes, 7);
  ASSERT_EQ(Wrong("price:gpu=2.5,spot-price:gpu=0.5,spot:gpu=1"), "none");
  EXPECT_EQ(fleet_.pools[1].price, 2'500'000);
  EXPECT_EQ(fleet_.pools[1].PriceOf(6), 500'000);
  ASSERT_EQ(Wrong("spot:gpu=0"), "none") << "spot off";
  EXPECT_EQ(fleet_.pools[1].PriceOf(0), 2'500'000);
  ASSERT_EQ(Wrong("quota:one/cpu=64,quota:two/g/memory=2Gi"), "none");
  EXPECT_EQ(Quota(0, 0, Resource::kCpu), 64'000);
  EXPECT_EQ(Quota(1, 1, Resource::kMemory), std::int64_t{2} << 30);
  EXPECT_EQ(Quota(1, 0, Resource::kMemory), 1 << 30);
}

TEST_F(WhatIfTest, WhatMakesNoSenseIsSaid) {
  EXPECT_THAT(Wrong(""), HasSubstr("expected such as"));
  EXPECT_THAT(Wrong("nodes:cpu"), HasSubstr("expected such as"));
  EXPECT_THAT(Wrong("nodes:cpu=+1,"), HasSubstr("what if ''"));
  EXPECT_THAT(Wrong("colour:cpu=1"), HasSubstr("'colour' is none of nodes, price"));
  EXPECT_THAT(Wrong("nodes:tpu=+1"), HasSubstr("there is no pool 'tpu'; there are cpu, gpu"));
  EXPECT_THAT(Wrong("nodes:gpu=-3"), HasSubstr("it has 2 nodes only"));
  EXPECT_THAT(Wrong("nodes:gpu=many"), HasSubstr("no number of nodes"));
  EXPECT_THAT(Wrong("nodes:gpu=100001"), HasSubstr("more than 100000"));
  EXPECT_THAT(Wrong("nodes:gpu=9223372036854775807"), HasSubstr("more than 100000"));
  EXPECT_THAT(Wrong("price:gpu=cheap"), HasSubstr("no price"));
  EXPECT_THAT(Wrong("spot:gpu=1.5"), HasSubstr("no part from 0 to 1"));
  EXPECT_THAT(Wrong("spot:cpu=1"), HasSubstr("'cpu' has no spot price"));
  EXPECT_THAT(Wrong("quota:three/cpu=1"), HasSubstr("there is no ClusterQueue 'three'"));
  EXPECT_THAT(Wrong("quota:two/cpu=1"), HasSubstr("it has 2 flavors"));
  EXPECT_THAT(Wrong("quota:two/h/cpu=1"), HasSubstr("no flavor 'h'"));
  EXPECT_THAT(Wrong("quota:one/gpu=1"), HasSubstr("has no quota of gpu"));
  EXPECT_THAT(Wrong("quota:one/tpu=1"), HasSubstr("there is no resource 'tpu'"));
  EXPECT_THAT(Wrong("quota:one/cpu=-1"), HasSubstr("no quantity"));
  EXPECT_THAT(Wrong("quota:one=1"), HasSubstr("expected QUEUE/RESOURCE"));
}

}  // namespace
}  // namespace keelson::app
