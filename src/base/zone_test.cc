#include "base/zone.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/random.h"
#include "base/time.h"

namespace keelson {
namespace {

namespace fs = std::filesystem;

std::int64_t Seconds(const char* text) {
  return ToMicros(*ParseInstant(text)) / 1'000'000;
}

std::string ShowLocal(const Zone& zone, const char* utc) {
  const std::int64_t seconds = Seconds(utc);
  return FormatInstant(InstantFromMicros((seconds + zone.OffsetAt(seconds)) * 1'000'000));
}

std::string Earliest(const Zone& zone, const char* local) {
  return FormatInstant(InstantFromMicros(zone.EarliestUtc(Seconds(local)) * 1'000'000));
}

Zone Open(const char* name) {
  auto zone = ReadZone(name, ZoneFolders());
  EXPECT_TRUE(zone.has_value()) << zone.error().ToString();
  return zone.has_value() ? *std::move(zone) : Zone();
}

void Put(std::string& bytes, std::int64_t value, int size) {
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

struct Parts {
  std::vector<std::int64_t> changes = {};
  std::vector<int> types = {};              // one a change
  std::vector<std::int64_t> offsets = {0};  // one a type
  std::string footer = {};
  int leaps = 0;
};

// A TZif file, its block of 32-bit times empty as in files of today.
std::string File(const Parts& parts) {
  std::string bytes;
  for (const bool second : {false, true}) {
    bytes += "TZif2" + std::string(15, '\0');
    const auto count = [&](std::size_t n) { Put(bytes, second ? static_cast<std::int64_t>(n) : 0, 4); };
    count(0);
    count(0);
    count(static_cast<std::size_t>(parts.leaps));
    count(parts.changes.size());
    count(parts.offsets.size());
    count(4);
  }
  for (const auto change : parts.changes) Put(bytes, change, 8);
  for (const auto type : parts.types) Put(bytes, type, 1);
  for (const auto offset : parts.offsets) Put(bytes, offset, 4), Put(bytes, 0, 2);
  bytes += std::string("XXX\0", 4) + std::string(static_cast<std::size_t>(parts.leaps) * 12, '\0');
  return bytes + "\n" + parts.footer + "\n";
}

TEST(ZoneTest, TellsLocalTimesOfThePastAndTheFuture) {
  const Zone new_york = Open("America/New_York");
  EXPECT_EQ(ShowLocal(new_york, "1850-01-01T12:00:00Z"), "1850-01-01T07:03:58Z");  // the sun's, before there were zones
  EXPECT_EQ(ShowLocal(new_york, "2013-03-10T06:59:59Z"), "2013-03-10T01:59:59Z");
  EXPECT_EQ(ShowLocal(new_york, "2013-03-10T07:00:00Z"), "2013-03-10T03:00:00Z");
  EXPECT_EQ(ShowLocal(new_york, "2013-11-03T05:59:59Z"), "2013-11-03T01:59:59Z");
  EXPECT_EQ(ShowLocal(new_york, "2013-11-03T06:00:00Z"), "2013-11-03T01:00:00Z");
  EXPECT_EQ(ShowLocal(new_york, "2100-07-01T12:00:00Z"), "2100-07-01T08:00:00Z");  // by the rule of the footer
  EXPECT_EQ(ShowLocal(new_york, "2100-12-31T23:00:00Z"), "2100-12-31T18:00:00Z");
  EXPECT_EQ(ShowLocal(Open("Australia/Sydney"), "2100-01-01T00:00:00Z"), "2100-01-01T11:00:00Z");  // summer in January
  EXPECT_EQ(ShowLocal(Open("Australia/Sydney"), "2100-07-01T00:00:00Z"), "2100-07-01T10:00:00Z");
  EXPECT_EQ(ShowLocal(Open("Asia/Kathmandu"), "2013-01-01T00:00:00Z"), "2013-01-01T05:45:00Z");
  EXPECT_EQ(ShowLocal(Open("Etc/GMT+12"), "2013-01-01T12:00:00Z"), "2013-01-01T00:00:00Z");
}

TEST(ZoneTest, ALocalTimeIsTheEarliestThatShowsIt) {
  const Zone new_york = Open("America/New_York");
  EXPECT_EQ(Earliest(new_york, "2013-07-01T00:00:00Z"), "2013-07-01T04:00:00Z");
  EXPECT_EQ(Earliest(new_york, "2013-11-03T01:30:00Z"), "2013-11-03T05:30:00Z");  // shown twice
  EXPECT_EQ(Earliest(new_york, "2013-03-10T02:30:00Z"), "2013-03-10T07:00:00Z");  // never shown
  EXPECT_EQ(Earliest(new_york, "2101-03-13T02:30:00Z"), "2101-03-13T07:00:00Z");
  EXPECT_EQ(Earliest(Open("Pacific/Apia"), "2011-12-30T12:00:00Z"), "2011-12-30T10:00:00Z");  // a whole day never shown
  EXPECT_EQ(Earliest(Open("America/Sao_Paulo"), "2017-10-15T00:00:00Z"), "2017-10-15T03:00:00Z");  // no midnight
}

TEST(ZoneTest, ThereAndBackIsTheSameInstantOrAnEarlierOneOfTheSameName) {
  Random random(11);
  for (const char* name : {"America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Casablanca",
                           "Asia/Tehran", "America/Scoresbysund", "Pacific/Apia"}) {
    const Zone zone = Open(name);
    for (int i = 0; i < 2000; ++i) {
      const auto utc = static_cast<std::int64_t>(random.Below(6'000'000'000)) - 2'000'000'000;
      const std::int64_t local = utc + zone.OffsetAt(utc);
      const std::int64_t back = zone.EarliestUtc(local);
      EXPECT_LE(back, utc) << name;
      EXPECT_EQ(back + zone.OffsetAt(back), local) << name << " at " << utc;
    }
  }
}

TEST(ZoneTest, ReadsEveryFormOfRule) {
  struct Case {
    const char* footer;
    const char* utc;
    const char* local;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"UTC0", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"},
           {"<+0330>-3:30", "2030-01-01T00:00:00Z", "2030-01-01T03:30:00Z"},
           {"LMT-0:00:36", "2030-01-01T00:00:00Z", "2030-01-01T00:00:36Z"},
           {"EST5EDT,M3.2.0,M11.1.0", "2030-07-01T00:00:00Z", "2030-06-30T20:00:00Z"},
           {"NZST-12NZDT,M9.5.0,M4.1.0/3", "2030-01-01T00:00:00Z", "2030-01-01T13:00:00Z"},
           {"IST-1GMT0,M10.5.0,M3.5.0/1", "2030-07-01T00:00:00Z", "2030-07-01T01:00:00Z"},  // summer is the standard
           {"IST-1GMT0,M10.5.0,M3.5.0/1", "2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"},
           {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-31T00:59:59Z", "2030-03-30T22:59:59Z"},
           {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-31T01:00:00Z", "2030-03-31T00:00:00Z"},
           {"AAA0BBB,J60,J61", "2032-03-01T02:00:00Z",
            "2032-03-01T03:00:00Z"},  // J60 is the 1st of March in every year
           {"AAA0BBB,J60,J61", "2032-02-29T12:00:00Z", "2032-02-29T12:00:00Z"},
           {"AAA0BBB,59,60", "2032-02-29T02:00:00Z", "2032-02-29T03:00:00Z"},  // 59 is the leap day when there is one
           {"AAA0BBB-2,0/0,365/25", "2030-05-01T00:00:00Z", "2030-05-01T02:00:00Z"}}) {
    const auto zone = Zone::Parse(File({.footer = c.footer}));
    ASSERT_TRUE(zone.has_value()) << c.footer << ": " << zone.error().ToString();
    EXPECT_EQ(ShowLocal(*zone, c.utc), c.local) << c.footer;
  }
}

TEST(ZoneTest, WithoutARuleTheLastOffsetStays) {
  const auto zone = Zone::Parse(File({.changes = {-100, 1000}, .types = {1, 2}, .offsets = {60, 7200, -3600}}));
  ASSERT_TRUE(zone.has_value());
  EXPECT_EQ(zone->OffsetAt(-101), 60);
  EXPECT_EQ(zone->OffsetAt(-100), 7200);
  EXPECT_EQ(zone->OffsetAt(999), 7200);
  EXPECT_EQ(zone->OffsetAt(1000), -3600);
  EXPECT_EQ(zone->OffsetAt(4'000'000'000), -3600);
}

TEST(ZoneTest, RefusesWhatIsNoZone) {
  for (const char* footer : {"E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
                             "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,", "EST168",
                             "EST5:60", "<>5", "<EST5", "EST5EDT,J0,J1", "EST5EDT,366,1", "EST99", "\n"}) {
    EXPECT_FALSE(Zone::Parse(File({.footer = footer})).has_value()) << footer;
  }
  EXPECT_FALSE(Zone::Parse(File({.offsets = {}})).has_value());
  EXPECT_FALSE(Zone::Parse(File({.offsets = {100'000}})).has_value());
  EXPECT_FALSE(Zone::Parse(File({.changes = {5}, .types = {1}})).has_value()) << "a type that is not there";
  EXPECT_FALSE(Zone::Parse(File({.changes = {5, 5}, .types = {0, 0}})).has_value()) << "not ascending";
  EXPECT_FALSE(Zone::Parse(File({.leaps = 1})).has_value());
  EXPECT_FALSE(Zone::Parse("").has_value());
  EXPECT_FALSE(Zone::Parse(std::string(100, 'x')).has_value());
  EXPECT_FALSE(Zone::Parse("TZif" + std::string(100, '\0')).has_value()) << "version 1";
  EXPECT_FALSE(Zone::Parse("TZif2" + std::string(15, '\0') + std::string(24, '\xff')).has_value()) << "huge counts";
  EXPECT_FALSE(Zone::Parse(std::string(2 << 20, '\0')).has_value());
}

TEST(ZoneTest, CutOffAnywhereItIsRefusedAndDamagedItDoesNotCrash) {
  std::ifstream file("/usr/share/zoneinfo/America/New_York", std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(file), {});
  ASSERT_TRUE(Zone::Parse(whole).has_value());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(Zone::Parse(whole.substr(0, size)).has_value()) << size;
  Random random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    damaged[random.Below(damaged.size())] ^= static_cast<char>(1 + random.Below(255));
    if (const auto zone = Zone::Parse(damaged)) {
      zone->OffsetAt(4'000'000'000);
      zone->EarliestUtc(static_cast<std::int64_t>(random.Below(6'000'000'000)));
    }
  }
}

class ZoneFolderTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_ / "with" / "Europe"); }
  void TearDown() override { fs::remove_all(folder_); }
  void Write(const char* name, const std::string& bytes) {
    std::ofstream(folder_ / "with" / name, std::ios::binary) << bytes;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("keelson-zone-" + RandomId());
  const std::vector<fs::path> folders_ = {folder_ / "without", folder_ / "with"};
};

TEST_F(ZoneFolderTest, TheFirstFolderThatHasItIsAsked) {
  Write("Europe/Ys", File({.footer = "YST-3"}));
  const auto zone = ReadZone("Europe/Ys", folders_);
  ASSERT_TRUE(zone.has_value()) << zone.error().ToString();
  EXPECT_EQ(zone->OffsetAt(0), 3 * 3600);
}

TEST_F(ZoneFolderTest, ANameOfNoZoneIsToldFromAMachineWithoutZones) {
  Write("posixrules", File({.footer = "EST5"}));
  Write("Broken", "TZif");
  for (const char* name :
       {"Mars/Olympus", "Europe", "", "posixrules", "../with/Europe/Ys", "/etc/passwd", "Europe/../Europe/Ys"}) {
    const auto zone = ReadZone(name, folders_);
    ASSERT_FALSE(zone.has_value()) << name;
    EXPECT_EQ(zone.error().code, ErrorCode::kInvalidArgument) << name;
    EXPECT_NE(zone.error().message.find("is not a time zone"), std::string::npos) << name;
  }
  EXPECT_NE(ReadZone("Broken", folders_).error().where.find("Broken"), std::string::npos);
  const std::vector<fs::path> none = {folder_ / "without"};
  EXPECT_EQ(ReadZone("Europe/Paris", none).error().code, ErrorCode::kUnavailable);
  EXPECT_NE(ReadZone("Europe/Paris", none).error().message.find("tzdata"), std::string::npos);
}

}  // namespace
}  // namespace keelson
