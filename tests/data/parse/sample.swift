// Weather for one place.
import Foundation

let defaultPlace = "Bremen"

/// A kind of weather.
enum Sky: String, CaseIterable {
    case clear
    case cloudy

    var symbol: String {
        switch self {
        case .clear: return "sun"
        case .cloudy: return "cloud"
        }
    }
}

/// Anything that can be asked for weather.
protocol WeatherSource {
    var name: String { get }
    func forecast(for place: String) async throws -> Forecast
}

struct Forecast: Codable, Equatable {
    let place: String
    var low: Double
    var high: Double

    /// Their mean.
    var mean: Double {
        (low + high) / 2
    }

    static func == (a: Forecast, b: Forecast) -> Bool {
        return a.place == b.place
    }

    mutating func widen(by degrees: Double) {
        low -= degrees
        high += degrees
    }
}

/**
 Keeps forecasts for a while.
 */
@MainActor
final class WeatherCache: WeatherSource {
    let name = "cache"
    private var stored: [String: Forecast] = [:]
    private let source: WeatherSource

    init(source: WeatherSource) {
        self.source = source
    }

    deinit {
        stored.removeAll()
    }

    subscript(place: String) -> Forecast? {
        get { stored[place] }
        set { stored[place] = newValue }
    }

    // Asks the source only once.
    @discardableResult
    func forecast(for place: String) async throws -> Forecast {
        if let known = stored[place] {
            return known
        }
        let fresh = try await source.forecast(for: place)
        stored[place] = fresh
        return fresh
    }

    lazy var formatter: NumberFormatter = {
        let formatter = NumberFormatter()
        formatter.maximumFractionDigits = 1
        return formatter
    }()
}

actor Counter {
    private var value = 0

    func increment() -> Int {
        value += 1
        return value
    }
}

extension String {
    /// Without spaces around it.
    func trimmed() -> String {
        trimmingCharacters(in: .whitespaces)
    }
}

typealias Degrees = Double

func celsius(fromFahrenheit value: Degrees) -> Degrees {
    return (value - 32) * 5 / 9
}

let warm = { (forecast: Forecast) -> Bool in
    forecast.mean > 20
}

print(celsius(fromFahrenheit: 70))
