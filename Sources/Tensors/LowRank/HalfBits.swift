/// float32 as float16, by its bits: without F16C in the compiler's target, `Float16` is a call for every number.
enum HalfBits {
    /// nil for what float16 cannot hold to the bit.
    @inline(__always)
    static func exact(_ value: Float) -> UInt16? {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let exponent = Int32(truncatingIfNeeded: bits >> 23 & 0xFF) - 127
        let fraction = bits & 0x7F_FFFF
        if bits << 1 == 0 { return sign }
        if (-14...15).contains(exponent) {
            if fraction & 0x1FFF != 0 { return nil }
            return sign | UInt16(truncatingIfNeeded: exponent + 15) << 10 | UInt16(truncatingIfNeeded: fraction >> 13)
        }
        // Below 2⁻¹⁴ the leading one stands among the ten bits of the fraction.
        guard (-24 ..< -14).contains(exponent) else { return nil }
        let (whole, shift) = (fraction | 0x80_0000, UInt32(truncatingIfNeeded: -1 - exponent))
        if whole & (1 << shift - 1) != 0 { return nil }
        return sign | UInt16(truncatingIfNeeded: whole >> shift)
    }
}
