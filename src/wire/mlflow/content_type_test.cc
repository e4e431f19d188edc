#include "wire/mlflow/content_type.h"

#include <gtest/gtest.h>

namespace keelson::wire::mlflow {
namespace {

// As Python's tools read them: email.message reads back the same name from each.
TEST(ContentType, AFileIsSavedUnderItsName) {
  EXPECT_EQ(AttachmentOf("a.txt"), "attachment; filename=a.txt");
  EXPECT_EQ(AttachmentOf("dir/more/dog+step+20.webp"), "attachment; filename=dog+step+20.webp");
  EXPECT_EQ(AttachmentOf("dir/two words.txt"), "attachment; filename=\"two words.txt\"");
  EXPECT_EQ(AttachmentOf("a\"b\\c"), R"(attachment; filename="a\"b\\c")");
  EXPECT_EQ(AttachmentOf("a;b=c"), R"(attachment; filename="a;b=c")");
}

TEST(ContentType, ANameBeyondAsciiIsThereBesideAPoorerOne) {
  EXPECT_EQ(AttachmentOf("caf\xc3\xa9.txt"), "attachment; filename=caf.txt; filename*=UTF-8''caf%C3%A9.txt");
  EXPECT_EQ(AttachmentOf("\xe6\x97\xa5"), "attachment; filename=download; filename*=UTF-8''%E6%97%A5");
  EXPECT_EQ(AttachmentOf("x/a\r\nset-cookie: b"),
            "attachment; filename=\"aset-cookie: b\"; filename*=UTF-8''a%0D%0Aset-cookie%3A%20b");
}

TEST(ContentType, OfAnArtifactIsWhatMlflowSays) {
  for (const char* text :
       {"a.txt", "dir/metrics.json", "t.csv", "run.py", "x.js", "model/MLmodel", "mlproject", "a.b.md"}) {
    EXPECT_EQ(ArtifactTypeOf(text), "text/plain") << text;
  }
  EXPECT_EQ(ArtifactTypeOf("a.png"), "image/png");
  EXPECT_EQ(ArtifactTypeOf("d.pdf"), "application/pdf");
  EXPECT_EQ(ArtifactTypeOf("page.html"), "text/html");
  for (const char* bytes : {"b.pkl", "MLmodel.bin", "notMLmodel", "weights", ".", ""}) {
    EXPECT_EQ(ArtifactTypeOf(bytes), "application/octet-stream") << bytes;
  }
  EXPECT_EQ(ContentTypeOf("static/js/main.js"), "text/javascript") << "of MLflow's page";
}

}  // namespace
}  // namespace keelson::wire::mlflow
