// Detect in C++ with a file of `export_onnx.py --preprocess`: ONNX Runtime, and nothing else.
//
//     ./detect detector.onnx photograph.ppm 0.3
//
// A line for each box: label, score, x1, y1, x2, y2. docs/guides/onnx.md says how to build it.
#include <onnxruntime_cxx_api.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct Image {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // height x width x 3: blue, green, red, as OpenCV's imread gives
};

Image read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int most = 0;
  Image image;
  file >> magic >> image.width >> image.height >> most;
  file.ignore(1);
  const bool sane = image.width > 0 && image.height > 0 && image.width <= (1 << 27) / image.height;
  if (!file || magic != "P6" || most != 255 || !sane)
    throw std::runtime_error(path + " is no binary PPM. Write: convert photograph.jpg " + path);
  image.pixels.resize(image.height * image.width * 3);
  if (!file.read(reinterpret_cast<char*>(image.pixels.data()), image.pixels.size()))
    throw std::runtime_error(path + " was cut off");
  for (size_t i = 0; i < image.pixels.size(); i += 3)
    std::swap(image.pixels[i], image.pixels[i + 2]);
  return image;
}

std::string metadata(const Ort::Session& session, const char* key) {
  Ort::AllocatorWithDefaultOptions memory;
  auto value = session.GetModelMetadata().LookupCustomMetadataMapAllocated(key, memory);
  return value ? value.get() : "";
}

void detect(const std::string& model, const std::string& path, float least) {
  Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "detect");
  Ort::Session session(env, model.c_str(), Ort::SessionOptions());
  if (metadata(session, "format") != "surge_mmdet ONNX detector" ||
      metadata(session, "format_version") != "1" || metadata(session, "input") != "uint8")
    throw std::runtime_error(model + " does not take images. Write: export_onnx.py --preprocess");
  Image image = read_ppm(path);
  const int64_t shape[] = {image.height, image.width, 3};
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto input = Ort::Value::CreateTensor<uint8_t>(memory, image.pixels.data(),
                                                 image.pixels.size(), shape, 3);
  const char *in[] = {"image"}, *out[] = {"boxes", "scores", "labels"};
  auto found = session.Run(Ort::RunOptions(), in, &input, 1, out, 3);
  const float* box = found[0].GetTensorData<float>();
  const float* score = found[1].GetTensorData<float>();
  const int64_t* label = found[2].GetTensorData<int64_t>();
  std::cerr << "labels: " << metadata(session, "classes") << '\n';
  for (size_t i = 0; i < found[1].GetTensorTypeAndShapeInfo().GetElementCount(); i++, box += 4)
    if (score[i] >= least)
      std::cout << label[i] << ' ' << score[i] << ' ' << box[0] << ' ' << box[1] << ' ' << box[2]
                << ' ' << box[3] << '\n';
}

int main(int count, char** values) try {
  char* end = nullptr;
  const float least = count == 4 ? std::strtof(values[3], &end) : 0;
  if (!end || *end) throw std::runtime_error("write: detect detector.onnx photograph.ppm 0.3");
  detect(values[1], values[2], least);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
