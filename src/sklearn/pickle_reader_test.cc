#include "sklearn/pickle_reader.h"

#include <gmock/gmock.h>

#include <string>

namespace keelson::sklearn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Value::Kind;
using namespace std::string_literals;

// A pickle of these instructions, which must outlive what is read of it.
class Pickle {
 public:
  explicit Pickle(const std::string& instructions)
      : bytes_("\x80\x04"s + instructions + "."), read_(ReadPickle(bytes_)) {}
  const Document& document() const { return *read_; }
  const Value& root() const {
    EXPECT_TRUE(read_.has_value()) << read_.error().ToString();
    return read_->root();
  }
  std::string why() const { return read_ ? "read" : read_.error().ToString(); }

 private:
  std::string bytes_;
  Result<Document> read_;
};

std::string Text(const std::string& text) {
  return "\x8c"s + static_cast<char>(text.size()) + text;
}
std::string Bytes(const std::string& bytes) {
  return "C"s + static_cast<char>(bytes.size()) + bytes;
}
std::string Global(const std::string& module, const std::string& name) {
  return Text(module) + Text(name) + "\x93";
}
std::string Type(const std::string& name) {
  return Global("numpy", "dtype") + Text(name) + "\x89\x88\x87R(K\x03"s + Text("<") +
         "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"s;
}
std::string NumpyArray(const std::string& shape, const std::string& type, const std::string& order,
                       const std::string& contents) {
  return Global("numpy._core.multiarray", "_reconstruct") + Global("numpy", "ndarray") + "K\x00\x85"s + Bytes("b") +
         "\x87R(K\x01"s + shape + type + order + contents + "tb";
}
std::string DoubleBytes(std::initializer_list<double> values) {
  std::string bytes;
  for (const double value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  return bytes;
}

TEST(PickleReader, ReadsConstants) {
  EXPECT_EQ(Pickle("N").root().kind, Kind::kNone);
  EXPECT_EQ(Pickle("\x88").root().integer, 1);
  EXPECT_EQ(Pickle("K\xff"s).root().integer, 255);
  EXPECT_EQ(Pickle("M\x01\x02"s).root().integer, 513);
  EXPECT_EQ(Pickle("J\xfe\xff\xff\xff"s).root().integer, -2);
  EXPECT_EQ(Pickle("\x8a\x00"s).root().integer, 0);
  EXPECT_EQ(Pickle("\x8a\x02\x00\x80"s).root().integer, -32768);
  EXPECT_EQ(Pickle("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00"s).root().kind, Kind::kBigInt);
  EXPECT_EQ(Pickle("G\x3f\xf8\x00\x00\x00\x00\x00\x00"s).root().number, 1.5);
  EXPECT_EQ(Pickle(Text("h\xc3\xa9")).root().text, "h\xc3\xa9");
  EXPECT_EQ(Pickle("B\x02\x00\x00\x00xy"s).root().text, "xy");
}

TEST(PickleReader, ReadsContainersAndTheMemo) {
  const Pickle list("]\x94(K\x01K\x02\x65K\x03\x61h\x00\x86"s);
  EXPECT_EQ(list.root().kind, Kind::kTuple);
  EXPECT_EQ(list.root().items[0], list.root().items[1]);  // one list in two places
  const Value& same = list.document().at(list.root().items[0]);
  EXPECT_EQ(same.items.size(), 3u);
  const Pickle dict("}(" + Text("a") + "K\x01"s + Text("b") + "Nu" + Text("a") + "K\x05s"s);
  EXPECT_EQ(dict.document().Find(dict.root(), "a")->integer, 5);
  EXPECT_EQ(dict.document().Find(dict.root(), "b")->kind, Kind::kNone);
  EXPECT_EQ(dict.document().Find(dict.root(), "c"), nullptr);
  const Pickle itself("]\x94h\x00\x61"s);  // a list that holds itself is one value
  EXPECT_EQ(itself.document().size(), 1u);
  EXPECT_EQ(Pickle("(K\x01K\x02t"s).root().items.size(), 2u);
  EXPECT_EQ(Pickle("(K\x01\x91"s).root().kind, Kind::kSet);
}

TEST(PickleReader, CallsNothing) {
  const Pickle pickle(Global("os", "system") + Text("rm -rf /") + "\x85R}" + Text("state") + "K\x07sb"s);
  EXPECT_EQ(pickle.root().kind, Kind::kObject);
  const Value& called = pickle.document().at(pickle.root().items[0]);
  EXPECT_EQ(called.kind, Kind::kGlobal);
  EXPECT_EQ(called.text, "os");
  EXPECT_EQ(called.name, "system");
  EXPECT_EQ(pickle.document().at(pickle.root().items[1]).text, "rm -rf /");
  EXPECT_EQ(pickle.document().Find(pickle.document().at(pickle.root().state), "state")->integer, 7);
  const Pickle old("cbuiltins\neval\n)\x81");
  EXPECT_EQ(old.document().at(old.root().items[0]).name, "eval");
}

TEST(PickleReader, ReadsNumpysArraysTypesAndNumbers) {
  const Pickle matrix(NumpyArray("K\x02K\x03\x86"s, Type("f8"), "\x88", Bytes(DoubleBytes({1, 2, 3, 4, 5, 6}))));
  ASSERT_EQ(matrix.root().kind, Kind::kArray);
  EXPECT_THAT(*DoublesOf(matrix.document(), matrix.document().array(matrix.root())), ElementsAre(1, 3, 5, 2, 4, 6));
  const Pickle texts(NumpyArray("K\x02\x85"s, Type("U2"), "\x89", Bytes("a\0\0\0b\0\0\0\xe9\0\0\0\0\0\0\0"s)));
  EXPECT_THAT(*TextsOf(texts.document(), texts.document().array(texts.root())), ElementsAre("ab", "\xc3\xa9"));
  const Pickle objects(NumpyArray("K\x02\x85"s, Type("O8"), "\x89", "](" + Text("x") + Text("y") + "e"));
  EXPECT_THAT(*TextsOf(objects.document(), objects.document().array(objects.root())), ElementsAre("x", "y"));
  const Pickle number(Global("numpy.core.multiarray", "scalar") + Type("i4") + Bytes("\xfe\xff\xff\xff"s) + "\x86R");
  EXPECT_EQ(number.root().integer, -2);
  const Pickle buffer(Global("numpy._core.numeric", "_frombuffer") + "(" + "\x96\x10\0\0\0\0\0\0\0"s +
                      DoubleBytes({8, 9}) + Type("f8") + "K\x02\x85"s + Text("C") + "tR");
  EXPECT_THAT(*DoublesOf(buffer.document(), buffer.document().array(buffer.root())), ElementsAre(8, 9));
  const Pickle latin(Global("_codecs", "encode") + Text("a\xc3\xbf\xc2\x80") + Text("latin1") + "\x86R");
  EXPECT_EQ(latin.root().text, "a\xff\x80");
}

TEST(PickleReader, RefusesArraysThatDoNotHold) {
  EXPECT_THAT(Pickle(NumpyArray("K\x03\x85"s, Type("f8"), "\x89", Bytes(DoubleBytes({1, 2})))).why(),
              HasSubstr("fit its shape"));
  EXPECT_THAT(Pickle(NumpyArray("J\xff\xff\xff\xff\x85"s, Type("f8"), "\x89", Bytes(""))).why(),
              HasSubstr("than there can be"));
  EXPECT_THAT(Pickle(NumpyArray("J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"s, Type("f8"), "\x89", Bytes(""))).why(),
              HasSubstr("than there can be"));
  EXPECT_THAT(Pickle(NumpyArray("K\x01\x85"s, Type("O8"), "\x89", Bytes("x"))).why(),
              HasSubstr("without its contents"));
  EXPECT_THAT(Pickle(NumpyArray("K\x01\x85"s, Type("c16"), "\x89", Bytes("x"))).why(),
              HasSubstr("numpy's type \"c16\""));
  EXPECT_THAT(Pickle(Type("M8")).why(), HasSubstr("numpy's type"));
  const Pickle empty(Global("numpy._core.multiarray", "_reconstruct") + ")R");  // never given its contents
  EXPECT_EQ(empty.document().array(empty.root()).size(), 0u);
}

TEST(PickleReader, RefusesWhatIsNoPickle) {
  EXPECT_THAT(ReadPickle("(lp0\n.").error().message, HasSubstr("protocol 2 or newer"));
  EXPECT_THAT(ReadPickle("\x80\x06N.").error().message, HasSubstr("protocol 6"));
  for (const char* early : {"", "K", "X\x05", "\x8a", "G"}) {
    EXPECT_THAT(ReadPickle("\x80\x04"s + early).error().message, HasSubstr("ends early")) << early;
  }
  EXPECT_THAT(Pickle("\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"s).why(), HasSubstr("ends early (byte 2)"));
  EXPECT_THAT(Pickle("\x95\xff\x00\x00\x00\x00\x00\x00\x00N"s).why(), HasSubstr("longer than the pickle"));
  EXPECT_THAT(Pickle("").why(), HasSubstr("nothing on the stack"));
  EXPECT_THAT(Pickle("NN").why(), HasSubstr("left on the stack"));
  EXPECT_THAT(Pickle("t").why(), HasSubstr("no mark"));
  EXPECT_THAT(Pickle("N(0").why(), HasSubstr("nothing on the stack"));  // a mark is a floor
  EXPECT_THAT(Pickle("h\x05"s).why(), HasSubstr("in the memo"));
  EXPECT_THAT(Pickle("Nr\xff\xff\xff\xff"s).why(), HasSubstr("in the memo"));
  EXPECT_THAT(Pickle("}(Nu").why(), HasSubstr("a key without a value"));
  EXPECT_THAT(Pickle("NNa").why(), HasSubstr("no list, set or dict"));
  EXPECT_THAT(Pickle("NNb").why(), HasSubstr("a state for what is no object"));
  EXPECT_THAT(Pickle("N)R").why(), HasSubstr("not known by a name"));
  EXPECT_THAT(Pickle("K\x01Q"s).why(), HasSubstr("instruction 0x51"));
  EXPECT_THAT(Pickle("\x97").why(), HasSubstr("instruction 0x97"));
  EXPECT_THAT(Pickle("cno end").why(), HasSubstr("does not end"));
}

TEST(PickleReader, IsBoundedInWhatItMakes) {
  EXPECT_THAT(Pickle("(" + std::string(Document::kMaxValues + 1, 'N') + "t").why(),
              HasSubstr("more than 2000000 values"));
  // Arguments that many calls share are kept by each.
  std::string calls = "(" + std::string(1'000, 'N') + "t\x94" + Global("a", "b") + "\x94" + "]";
  for (int i = 0; i < 5'000; ++i) calls += "h\x01h\x00R\x61"s;
  EXPECT_THAT(Pickle(calls).why(), HasSubstr("too many elements"));
  // And a list that many arrays are filled with.
  std::string arrays = "](" + std::string(1'000, 'N') + "e\x94" + "]";
  for (int i = 0; i < 5'000; ++i) arrays += NumpyArray("M\xe8\x03\x85"s, Type("O8"), "\x89", "h\x00"s) + "a";
  EXPECT_THAT(Pickle(arrays).why(), HasSubstr("too many elements"));
}

}  // namespace
}  // namespace keelson::sklearn
