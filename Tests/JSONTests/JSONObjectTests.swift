import JSON
import Testing

@Suite struct JSONObjectTests {
    @Test func `setting, replacing and removing keep the order of the rest`() {
        var object: JSONObject = ["a": 1, "b": 2, "c": 3]
        object["b"] = 5
        object["d"] = nil
        object["a"] = nil
        object["e", default: []] = [1]
        #expect(object.map(\.key) == ["b", "c", "e"])
        #expect(object.values == [5, 3, [1]])
        #expect(object.count == 3 && !object.isEmpty)
    }

    @Test func `keys that only look alike are different`() {
        var object: JSONObject = ["\u{E9}": 1, "e\u{301}": 2, "\u{212B}": 3, "\u{C5}": 4]
        #expect(object.count == 4)
        #expect(object["e\u{301}"] == 2 && object["\u{C5}"] == 4)
        for index in 0..<40 { object["filler\(index)"] = .integer(Int64(index)) }
        #expect(object["\u{E9}"] == 1 && object["\u{212B}"] == 3)
    }

    @Test(arguments: 1...10)
    func `an object of any size behaves like a list of pairs`(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        var object = JSONObject()
        var model: [(key: String, value: JSONValue)] = []
        for step in 0..<1500 {
            let key = "k\(Int.random(in: 0..<60, using: &random))"
            let place = model.firstIndex { $0.key == key }
            #expect(object[key] == place.map { model[$0].value })
            if Int.random(in: 0..<3, using: &random) == 0 {
                object[key] = nil
                if let place { model.remove(at: place) }
            } else {
                object[key] = .integer(Int64(step))
                if let place {
                    model[place].value = .integer(Int64(step))
                } else {
                    model.append((key, .integer(Int64(step))))
                }
            }
            #expect(object.keys == model.map(\.key))
        }
        #expect(object.values == model.map(\.value))
    }

    @Test func `equality and hash ignore the order of the keys`() {
        let pairs = (0..<100).map { ("k\($0)", JSONValue.integer(Int64($0))) }
        let (one, two) = (JSONObject(pairs), JSONObject(pairs.reversed()))
        #expect(one == two && one.hashValue == two.hashValue)
        var three = two
        three["k5"] = 6
        #expect(one != three)
    }
}
