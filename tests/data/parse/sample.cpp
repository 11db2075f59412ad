// Copyright 2021 Somebody. All rights reserved.
#include <string>
#include <vector>

#define CHECK(x) do { } while (0)

namespace shapes {
namespace {

constexpr double kPi = 3.14159;

double Square(double x) { return x * x; }

}  // namespace

// Something with an area.
class Shape {
 public:
  Shape() = default;
  virtual ~Shape() {}
  virtual double Area() const = 0;

  // Its name.
  const std::string& name() const { return name_; }

  bool operator==(const Shape& other) const {
    return name_ == other.name_;
  }

  explicit operator bool() const { return !name_.empty(); }

 protected:
  std::string name_;
};

template <typename T, int N = 3>
class Grid final : public Shape {
 public:
  explicit Grid(T first);
  T& at(int i);
  struct Cell {
    T value;
  };

 private:
  std::vector<Cell> cells_;
};

// Builds from one value.
template <typename T, int N>
Grid<T, N>::Grid(T first) : cells_(N) {
  cells_[0].value = first;
}

template <typename T, int N>
T& Grid<T, N>::at(int i) {
  CHECK(i < N);
  return cells_[i].value;
}

enum class Color : int { kRed, kGreen };

using Callback = void (*)(const Shape&);

/// The largest of two.
template <typename T>
[[nodiscard]] auto Largest(const T& a, const T& b) -> const T& {
  return a < b ? b : a;
}

double Shape::Area() const {
  auto f = [](double x) { return x * kPi; };
  return f(1.0);
}

Shape::~Shape() {}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << shape.name();
}

const std::vector<std::string>* Names() {
  static const std::vector<std::string> names;
  return &names;
}

}  // namespace shapes

TEST(ShapeTest, HasArea) {
  shapes::Shape shape;
  EXPECT_EQ(shape.Area(), 0);
}

int main() { return 0; }
