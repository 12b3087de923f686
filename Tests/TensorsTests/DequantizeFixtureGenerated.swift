/// Random blocks and the bits of what the reference decoder makes of them.
/// Written by Tests/oracles/dequantize_oracle.py; do not edit.
enum DequantizeFixture {
    /// Type, stored blocks, checksum of the float32 bits (see `bitChecksum`), the first eight values.
    static let cases: [(type: String, blocks: String, checksum: UInt64, head: [UInt32])] = [
        (
            "q4_0",
            """
            AACB60c1SgsAMIaRSmiaPETcAIC45t4QYvF3hafz0m54pmsOBQBQuxVS7O4qKCSErzsXsbSHR4P3pJ4PWPwGFH1CEBcNjpXYfDj+
            azX+LgO5w/vmNrjO9Cl+IDAFb6aDHZJA0q3zTaP7Lifu+rka75ICbzCUieTK42SJ6Nxr5DspXLegdNv1+3iycRMzUKYTfrjtCIPa
            Zev53/sVpXVRItnhsDBBvt8VY66QRu8GxmY2Q7fo
            """,
            0x4f1efcf88b068c25,
            [0x80000000, 0x00000000, 0x80000000, 0x80000000, 0x00000000, 0x00000000, 0x80000000, 0x80000000]
        ),
        (
            "q4_1",
            """
            AAAAAGCzvlDsJYb3e3p0DlJxE78AgACAdtls0M5cgsUhqtoOiHwWkwUABQDr0Tl/DkJc3RtIDZJfMG76R4NHgzhzPuWlmv9jJbZd
            i+lPlSmztEcu0/SjPMFwyIoJZbRvudRb9yg8NDtXnd4pFVZxA0NeQGa0tYyuljmfuPmcNCsbAUaxTtwsRIItbEW2PIAvW1nfQuuI
            sUpt+wJS1wdD/3A+SjFn7QnTrr9UNTvj6sGK7DtXgb/7N462hCuh/UxtRH/j2TLdmwI=
            """,
            0x000736b0f99c4ea5,
            [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000]
        ),
        (
            "q5_0",
            """
            AAD90nGi/rf0TZfS3ny006yiS7gYiwCA5lfcIdXLCvuHpusX8GHPdsmCNOMFAGJuIJiKgoF7cAcSBAgatAimwy1VR4MJ23jC6iOF
            bn3W7nBj4WaKTaVEHhjAMozXgmTFgksqr2j8ZUcxEmfXFxEMrl62psJLzBNP6dgzK+Tx/cZj8/fOuDxYg+AtUirVbwiDQ+OSUHLn
            5jk8FSG2bMqqt6qI06lWgSawKmejoKd8sdcsOvyr+I775cOp3jyVWy++aJg193Qk2jhDaA72jZeoot5swoGnKlRnJ6MOHw==
            """,
            0xaecaadbe62f8d425,
            [0x00000000, 0x80000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000]
        ),
        (
            "q5_1",
            """
            AAAAACWvqKk6UOypOeJ2DYlUNGjo9qdoAIAAgKdBtJ6bhTcQ7oaA7datFt0nradCBQAFAC0zUjw0A/DBS2uATMRzMj3eme61R4NH
            g+1ToIvcvVv9SU7Wf2rh/jH+SQJW4jM+t4SLHGWh3mZy/+Y9fI3IQiaNvqljjLcstzaPzj90VKCbcD08VEdXENyRUsuEajx0s2Yt
            DDbMmE/1TmQMHesYaipsV0hK2TPkPkFV01+njkjuqluUGLrXSjatIwix/S9wrO5PlLzlkykFxKdDhHQg7R4/FAlSz7xeNTNZS0w9
            aEwwlqOY6DwQ3k345dJb
            """,
            0x6a7bf72a90bfdb25,
            [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000]
        ),
        (
            "q8_0",
            """
            AAD0G+6paQm7fqIT2APcvBHqObUoWdPjpJav1Wglhd65DgCA5GeNOpMH03R+INJO0ZA/luadvbA4FOzsx2IHOo5e/nYFAIyI2L16
            uD+n5Xd7jYF02SUCr/fW3L7KZWh9MYp59JdaR4PgqICuVugji6ksy3DI9RCswFbMWjvBAE5FQYN8IY+sohI6YHg7Rh/wQiHGjUS0
            meqamNUVKAttNHvxILn9QWEKY+EVOreUawnB2TyHFm9qXwnpU2imFkqBdW/zEpL8iLCaDGonVD3EXU1rp2zRi1rl4QkKrUhVMfUP
            3gFNZLxa08sWK0f/q3uvAFzof9SgGtid3VCZbZwsNS3mnIrCEvs0OToyjxjTqzpEspjeIB/5YEWrPW3vZvYfm78BJwQMWgp3SvBK
            Fx2U3Oaxy73oK1nUTT89zUc8UjbmheKWWybggoI9R0jN+yeaPfYHqg==
            """,
            0x59827442cb5be8a5,
            [0x80000000, 0x00000000, 0x80000000, 0x80000000, 0x00000000, 0x00000000, 0x80000000, 0x00000000]
        ),
        (
            "q2_K",
            """
            10ZaxFHglNYSSs66bMNT+mqn4dNc1EUv52XpgF+dVijuL01JoOVT1ai2ZpOMF3XQ93UjKgTCfAhK570kuy6Oic5n6wmuKe/RFbSB
            wKwLc+8AAAAAt0VxkHisEA4vLC43FAdpBD/LZ6mSEzIMD2rzZwaWqT4dFsmoU5NZ15egija1PlgrQKTRry87yIrwy8QxpWAeCzul
            ry0QewKxXKqU9a1hhJgAgACAhXyU10R4lR0a18AthhwmniKONHLYXm+A/ZvGa4Eamwdi6C07u5VWaePFO3SSnp+/NJbYsjErPdwz
            9Mjeej32sqbnBtooqIVF5q4ndiI2wdkFAAUAw4rM1ay2bPTBxLczDVDQ1e578Sw58uTOpDBYmWoanxqXLxScGWW59z3JlHSWlD5U
            /jjCY19fDbbHDg5Ke7uACRrIYVKS7Zq1iRpsEnS5egxHg0eDImFSGECVV2fUV8daJchW7yayw5kiQCfmULcq+Rh/77/wGKX3/b+P
            p633Bh1Bukfm391iaN4V6rO1zvSNYNmvz9ZALAzdS3HXJ6I6IAyEB7jZuxaw
            """,
            0xf4626b02dbfd2725,
            [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000]
        ),
        (
            "q3_K",
            """
            C+eO/9CGc4TDoHzR0I9JMlwgqBP1dSNkeKMnp3yoXGsT2yf4VNo509kCYqjKknB6YpNcLmqgeU9WcQ6gfnZvTd+dK21Gk7uKDhsu
            3+BY2CWinr3Thb/f9dC4EtkY54lCueC/NWqJ2xQNDW0nAABD5s+xejHcpw1AY5VsMWgmnIetaAK9niQI+6uwqATkoMG33k0P9x5t
            wtq5uXxeDoWOklSajRdecycClqaWJW8Wx9pYmYzfD9HKED1kMwy1lcyyT6tx3ufVTWK4SHdg/ZNntDipXDVvpRJw+EMAgM1H5UuX
            Kmrm+c6UcSJ6+5L9AexoK1oB/5QgsYwS/Yi3871uTSvIfmvRGVC8UawgcuhEp6KZUbYKJM7Ebf5sMfvZNg8jGwD+Q5zfJzqj0V7W
            Z4pArWgJpjUcmzrsRG2FK8QdWvO4z80XSlSi7AUAq+RzlyWIlc8+ddtJrS33AHN4oXzKZQJV4wrZr6za6nzzQXZ/TpQv9YhTdQnY
            MOveLJa4X3w6DEJ+WtfRUoQOU3x5qUhsEze2t+m0jxeMa3Yy3yfuarQkIeVfPZ1EkN616EpaJHY2wSRBA3i3R4MvL8+LQNUQ9Z9F
            H5CosVQl0Ssbrv5rszy0CGxTkMb8h82gCJKskBYo6ns2THYKmbEcL60Au89bKmOc/BeQn6jcEmAxPcX3v6+jOVIjDxqnUuzyYYip
            vup5IPlDLKoIOf6LICZQMlYw8pbBTuTWsg==
            """,
            0x2869828418d0af25,
            [0x80000000, 0x80000000, 0x00000000, 0x80000000, 0x00000000, 0x00000000, 0x80000000, 0x00000000]
        ),
        (
            "q4_K",
            """
            AAAAAA0luqb/fDkLF2RyQnNAzpndLiN2qFtt5LkbfGTeyRhdvU/Wdz+ZbDs9DW3tyF0idGhiQ/7xeLa/cIFNlCii+srjY2SM7YlF
            TjnxixI2PAQzTydY2PtC12AOrxjbLoSxcxH7RZCS6BXXKdoVJkVFwYjxJMSVEzEb951rPzdtjsNDtuDW8JheTEda93qkAIAAgFQB
            yZMvHDHnVjjb++Ha6UQuf+M6EyUDWyTGyp2baTrmJhs9g7VCt97tqYC53KwEQYNyGM6HD1ChuqbSjFbUJmesUSHU0MUncqBWJZqg
            aYZWBmPkBhZb0JSHkrnBr3iAkBxGzlFCTNJImqVlyc6CNGHakhzALpWy4tAjQsPSGl87WERqLKS6vx3mN/KYBQAFAC3MGSXLoVYH
            OwkTrH73kmLj4fBl+0MkaLFXr3+JIMv1IDsBk3AvaVV319Ej4YL6i0QxkLVM3xTGrqsuqbOvV3qFrthGWgtJgDCgjgumX5GnrJcv
            JzhQ+1UKJUQMEKVwJiNipFt8bTljPexgRfDmiW+dVswZTit5EZPBgii5q9QOKUa6rVmNOq+PJOCgR4NHg/EXMcfUH0xrHBrtOm4t
            pD2NX3epX9H6ziI/irWUvhYXT2EbbCGPQr+95ib/xrVApIy3cS2B+1Fy1rrNtkcr5yEFs5CXjTkyzEQzY74YdWW2+n40mra8JK7h
            FBl9zZp5DFVANePtJ7FNiRja/5W5hR5ulDmJuGIU92KzZHcyjqYFthLyxaZ8lgW5exY/gbxsPCsHJwqqiSOFMrVU7mwDqVD+3N4m
            FIf0oXVrcEh96vzSP4xwtijzHHunUUmo8Y4yOfRU4SGFMbn2mD08747vP9f/bakZTJ2TjHgnVvdce7XHNu6ve7zPBFGTggDwKuQr
            FigJDqyOuMFJS+NRhLHlKwiobeccuFrEuC4XqeX2+s/CL42cVWs+skXpPcBr
            """,
            0xf75c8c0bb5cdf3b5,
            [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000]
        ),
        (
            "q5_K",
            """
            AAAAAMBpuFEWLix2ac1okLEq3zgWvx59rI8Tzy+3BVzY2X0CreupJM7koCgFdz3aCV1cnHFXib0jIYG0BMFPjs4QyAZBNpxQAbzR
            1MAsw10bNvtuN6rRLrL0jDibkIQe6wvdpyWzbSL/6XRFxnYiojcYqLAr4vENYspO+iqwS9maBjnup0zrKUedQdBKc5Jn7k0OocSJ
            Ehnt8nfJtxVYyKL5tPAC1/wzIxv8eKqWk4YAgACA6Y6IFfjD2ilxqYWT6cr6mwGtAGlx15RpeMkLr7T5CaUY6qa6s+NxDHQkisRA
            0R2Al3jk2xGWDpKEujfGzhjT9TGbNq6F+2bPWFVNkfJ69yOp19/iDWfZ9LydE96QQwJVO3qPfxkLQgLLtNlBLz1hfBTB/hb4NiX5
            jUUZdYQcjACD2MMuryPUy2eXXHlzYMAeICGkUV8l7bI3RYa6sjl8sRokHanNcvqNwqJR/QUABQBVFNVlA6yQVQfcW/bTyy0zFFIh
            XpzYomB4aIxC6pjlyCkQpz/FyaItubpKJHPgXRgr0qdsjp0oSBGRrBNtwT7IUHxiWN9qY0UtnSLJ+xFrAIwe/8Q5Vnu44PtDO+kT
            Al8VpAbm9YG8UrkdmAqpqvn4tn2V7PkIkMRbQFoPAEJHKofmlGyKfqUSDhhQ/3kiwnIbJjbgk3BGsK3T5CWIGuQWq7PEfB4XxcHr
            A4oBR4NHg1DOQgGlHc5jCzYzkHDTUKiFsfQY10WvKPqA9i0kFN0b3/5smX5cEb/Il44ay93vDkxDfDLRKT6jVQqGPTKQb966TViX
            9vmnT+RcAaZBKTN+KtF37/S3cYStmFw04z69b89+0a/SPYDLHOsZbe9oQ1v/betjHgSY2Ue9BsAmL1Y1lFfqchIKZQYN+4zeBQgn
            ulRCEzVjWSGU4tHDAN2ETpa3i0caOhpiGq1Ah7SxPTU6IcLraxPncpt82/rt00KOsMkCAeb2wNhpzmGh66T91X6/vDCsouZeZ5hk
            osV//vh5kf5UImaLT87CpxkzKR+tDWiUumAAVBpJ62+sKYxZ0AC240eh7fE8DFj2FGJXDiMIul5dket+VAXeHUg164bJF+THSQ+V
            3dqZIj1QJKY4sy5FKLIzWFHNxHN20v0eFFBFSZlQ8pkKX6PxysOleHNZhSTD9QtJCCqhJpRT6A==
            """,
            0xcd0237200a66082b,
            [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000]
        ),
        (
            "q6_K",
            """
            1hSVfRtW0ujjhRVyR/KO/yqQHNOH6JBPnetPKoTF6SUzEXwj8IuHZXDLUEfkod8inuBUQmAjicQ5QBfJyFbPFrrBtznXTGyjQsfL
            W6PVMmM2nmD/2wDFGLwvONSI9a2diV1jEFRfvBfYGrO8P8RXH+LdOGdiy5n4Ve0XFKiZtrXMFguH6Wxk5qDxtX+hcRRbRtNHMSLR
            VjekcEfLjjpGxF+kUCNpa5AusTzoGWSmjdW1lEkmj75it7002TgY8XJuol3GUc+P6h3x+WDWw3J77QAAVC1HNi/il/S/hQ7kTDX/
            HFYyW4EZvQZlb0bmJaWlz82QO4IQcY2lHRe42WJW6g1xncALO3Yts6BDb2JdgEOaOtxKmDumi3ly+8ngbIDFKID8XhhDXziFdLLR
            k0blFkXdpTQ1mQLQo9wB5NHm5FxBGrAVy4T7fDMyNtZR7d/x8R9GkQ1ihkSuLZVfX7utIRyRLcyDVkiGVw1LyJ6InYlOCgFaYHpZ
            gWADs2CNRW4OH+16+z5nPr7C6+EiWPtGeN1GMofRpmq0uzYJoGCCcdYXggCA5pPVvSh+2OKtMRuDhpPKFr1reaqU3lrLhfHakLPT
            yt5VBa7+vLhqP2yqn5ClN0RoKsI1+OszMJn7ARmFbqka4NaEVdVvN50dMQcWeNWYedBk4WH7gLZ0YwoOWYy6abrEh4ddFwACvbYO
            7/N2WRgyiKJzsOFFkMzFSYUc4gKml3igjqU7gwKzrdWm+wtpaV2xJbSM0KspeMquOvvqtpCzcxXjhBBi+gs+TgGMhejddyPywZKe
            H7kMrhn37NunXJmCAbgwej3JrPxn4Pqo/VS2KAUAaljQSLMdRlavXNheRhy/cZBD5Xy0jOQ8oBJT/sFkPjQJiam9WOFTjnTIELia
            RuUFMiLzSqi08m8cG/+VGVkruqe2n/LntFicQUVOZug2SPWAngxmzG6N3BNh19X2EAyavvw9Ht6xf0c+bVlTuSbSFjTv+VYrsPTY
            dg+X/RAynno0WmuCROTrVVb2tpkg0Zd6dlFex3NqaTYLVfNxpALiDpcOyLonx1nq7RWqs8Bg9q5yEHuA7PqWku9Dk6zbNEoiGJhS
            XxOHpCLKuyvz8Y9zqEeDny/OgenilrevBDHgEmCnNMHiHulNNXsYGPR/taEqXL8uJJ/w5Lp/Gi6NSJTJ1RUy+TUO5RxrNGscNO0k
            8E2Nmn1+/E2OsRmWUnor/Y60rDTk+pbKk6+pf9q+voN5uw0i1Ljaa1rh1KbyhfW7JQ5FnttIplJyB5GjEKv7Fy58eS87+6Xqiqeo
            MI5PUdgRZA/Gzdeg7MSUWc3GIDJMOLSOlO98R37uydoapWcLT4okO28z+wjB9NGu0QB4L54reiZYHafGZ959A1h0sTJEvciVqBtA
            """,
            0x6356bdb1e046b401,
            [0x00000000, 0x80000000, 0x80000000, 0x80000000, 0x00000000, 0x00000000, 0x00000000, 0x80000000]
        ),
        (
            "iq4_NL",
            """
            AACG1rna0+cKj5eNuKj8TiZ4AIBGrMZDmzWQE+Jr9IcmVT0JBQD+c8f5JmyLezsrz8hJhBgsR4OMB7sXHu/eDgB/RCFK/hE/XL+p
            Ak+zUrcVEInaQzGPSikQ/jLG1ugAEmi2hcCnfi2GhArvQrOhJr/yWHBszAIxNnXgLHhCLLUYT2M1AHYOia5fFSNFEHoMar+drDoR
            clishKCTPcKGC4L6H7wJIsWZNbrZv2GgpSSD9pUr
            """,
            0xbaf8c37cdd289b25,
            [0x80000000, 0x80000000, 0x00000000, 0x00000000, 0x80000000, 0x80000000, 0x00000000, 0x00000000]
        ),
        (
            "mxfp4",
            """
            AKUfiFKguZ1sYnBBk4eI55MBC4iaFl2A2ZKl8RzKrxN95QKzZKbT8VD/yU7TbPpu9ITvi6BIF3ZDjG3ZpSq3nv8KfESHq0SVFdmO
            Qt27j2JdPd9JCHEflMBrl87OxlX1Sm/EsHj9kSNUh0hFaolCN4gtkzVP2WRp8Q5qVyGRaZodPVPXowTIpI5WwG2RXVZYuLz3IlZt
            Zv56d9cFRJ2rFdYJ/KoBin/zHBo=
            """,
            0xe7c8cbc62a7a9c25,
            [0x00c00000, 0x81400000, 0x00000000, 0x00400000, 0x00000000, 0x80200000, 0x80c00000, 0x80800000]
        ),
    ]
}
