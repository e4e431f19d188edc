#include "io/xml_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace keelson::io {
namespace {

TEST(XmlReaderTest, ReadsWhatStoresWrite) {
  const auto root = ReadXml(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" xsi:type='x'>\n"
      "  <Name>bucket</Name><Prefix/><MaxKeys >10</MaxKeys >\n"
      "  <Contents><Key>a &amp; b&#x2f;&#252;&lt;&gt;&quot;&apos;</Key></Contents>\n"
      "  <Contents><Key>second</Key></Contents>\n"
      "</ListBucketResult>\n");
  ASSERT_TRUE(root.has_value()) << root.error().ToString();
  EXPECT_EQ(root->name, "ListBucketResult");
  EXPECT_EQ(root->Text("Name"), "bucket");
  EXPECT_EQ(root->Text("Prefix"), "");
  EXPECT_NE(root->Find("Prefix"), nullptr);
  EXPECT_EQ(root->Text("MaxKeys"), "10");
  EXPECT_EQ(root->Find("Contents")->Text("Key"), "a & b/ü<>\"'");
  EXPECT_EQ(root->children.back().Text("Key"), "second");
  EXPECT_EQ(root->Find("None"), nullptr);
  EXPECT_EQ(root->Text("None"), "");
}

TEST(XmlReaderTest, RefusesWhatIsNotWellFormedOrNotExpected) {
  for (const char* text : {"",
                           " ",
                           "text",
                           "<a>",
                           "<a></b>",
                           "<a></a><b/>",
                           "<a/>x",
                           "<a b></a>",
                           "<a b=c/>",
                           "<a b='1' b='2'/>",
                           "<a b='<'/>",
                           "<a b='1'c='2'/>",
                           "<1/>",
                           "<a>&none;</a>",
                           "<a>&amp</a>",
                           "<a>&;</a>",
                           "<a>&#0;</a>",
                           "<a>&#;</a>",
                           "<a>&#x110000;</a>",
                           "<a>&#xd800;</a>",
                           "<a>&#99999999999;</a>",
                           "<a>&#1f;</a>",
                           "<a>]]></a>",
                           "<a>\x01</a>",
                           "<a>\xff</a>",
                           "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
                           "<a><!-- c --></a>",
                           "<a><![CDATA[x]]></a>",
                           "<?xml version='1.0'",
                           "<a><?php ?></a>",
                           "<a",
                           "<a b='",
                           "</a>",
                           "<a>< /a>"}) {
    const auto read = ReadXml(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kDataLoss) << text;
    EXPECT_TRUE(read.error().where.starts_with("byte ")) << text;
  }
}

TEST(XmlReaderTest, NestingHasALimit) {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += "<a>";
    for (int i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_TRUE(ReadXml(nested(64)).has_value());
  EXPECT_FALSE(ReadXml(nested(65)).has_value());
  EXPECT_FALSE(ReadXml(nested(100'000)).has_value());
}

TEST(XmlReaderTest, WhatIsEscapedReadsBack) {
  const std::string text = "a&b<c>d\"e'f\r\n\t]]> ü";
  EXPECT_EQ(ReadXml("<t>" + XmlEscaped(text) + "</t>")->text, text);
}

TEST(XmlReaderTest, CutAnywhereItIsRefused) {
  const std::string whole = "<?xml version=\"1.0\"?><a x=\"1\">t&amp;<b>u</b></a>";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(ReadXml(whole.substr(0, cut)).has_value()) << cut;
  EXPECT_TRUE(ReadXml(whole).has_value());
}

}  // namespace
}  // namespace keelson::io
