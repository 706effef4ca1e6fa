"""Structure types that the AFLOW library of pymatgen lacks, or has of other kinds of compounds, as
textbooks list them: space group, conventional cell, and one site of each Wyckoff position."""

from __future__ import annotations

from dataclasses import dataclass

Site = tuple[str, float, float, float]


@dataclass(frozen=True)
class Textbook:
    """A structure type.

    Attributes:
        name: the compound or mineral that it is named after.
        shape: counts of its reduced formula, ascending.
        group: symbol of the space group; its standard setting, the first origin.
        cell: a, b, c in Å and α, β, γ in degrees.
        sites: an element and fractional coordinates each.
    """

    name: str
    shape: tuple[int, ...]
    group: str
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[Site, ...]


def _cubic(a: float) -> tuple[float, float, float, float, float, float]:
    return a, a, a, 90, 90, 90


def _tetragonal(a: float, c: float) -> tuple[float, float, float, float, float, float]:
    return a, a, c, 90, 90, 90


def _hexagonal(a: float, c: float) -> tuple[float, float, float, float, float, float]:
    return a, a, c, 90, 90, 120


THIRD = 1 / 3

TEXTBOOK = (
    Textbook("K2PtCl6", (1, 2, 6), "Fm-3m", _cubic(9.755),
             (("Pt", 0, 0, 0), ("K", 0.25, 0.25, 0.25), ("Cl", 0.24, 0, 0))),
    Textbook("elpasolite", (1, 1, 2, 6), "Fm-3m", _cubic(8.122),
             (("Al", 0, 0, 0), ("Na", 0.5, 0.5, 0.5), ("K", 0.25, 0.25, 0.25), ("F", 0.219, 0, 0))),
    Textbook("(NH4)3AlF6", (1, 3, 6), "Fm-3m", _cubic(8.92),
             (("Al", 0, 0, 0), ("K", 0.5, 0.5, 0.5), ("K", 0.25, 0.25, 0.25), ("F", 0.2, 0, 0))),
    Textbook("NaSbF6", (1, 1, 6), "Fm-3m", _cubic(8.184),
             (("Sb", 0, 0, 0), ("Na", 0.5, 0.5, 0.5), ("F", 0.2295, 0, 0))),
    Textbook("antifluorite", (1, 2), "Fm-3m", _cubic(4.619),
             (("O", 0, 0, 0), ("Li", 0.25, 0.25, 0.25))),
    Textbook("Mg2Si", (1, 2), "Fm-3m", _cubic(6.351),
             (("Si", 0, 0, 0), ("Mg", 0.25, 0.25, 0.25))),
    Textbook("NiAl", (1, 1), "Pm-3m", _cubic(2.887), (("Ni", 0, 0, 0), ("Al", 0.5, 0.5, 0.5))),
    Textbook("ZnO", (1, 1), "P6_3mc", _hexagonal(3.25, 5.207),
             (("Zn", THIRD, 2 * THIRD, 0), ("O", THIRD, 2 * THIRD, 0.3819))),
    Textbook("GaAs", (1, 1), "F-43m", _cubic(5.653),
             (("Ga", 0, 0, 0), ("As", 0.25, 0.25, 0.25))),
    Textbook("CeO2", (1, 2), "Fm-3m", _cubic(5.411),
             (("Ce", 0, 0, 0), ("O", 0.25, 0.25, 0.25))),
    Textbook("magnetite", (3, 4), "Fd-3m", _cubic(8.396),
             (("Fe", 0, 0, 0), ("Fe", 0.625, 0.625, 0.625), ("O", 0.379, 0.379, 0.379))),
    Textbook("GdFeO3", (1, 1, 3), "Pnma", (5.611, 7.669, 5.349, 90, 90, 90),
             (("Gd", 0.0628, 0.25, -0.0157), ("Fe", 0, 0, 0.5), ("O", 0.467, 0.25, 0.101),
              ("O", 0.301, 0.0506, -0.3035))),
    Textbook("pyrochlore", (2, 2, 7), "Fd-3m", _cubic(10.185),
             (("Ti", 0.125, 0.125, 0.125), ("Gd", 0.625, 0.625, 0.625),
              ("O", 0.4513, 0.25, 0.25), ("O", 0.5, 0.5, 0.5))),
    Textbook("garnet", (2, 3, 3, 12), "Ia-3d", _cubic(11.845),
             (("Ca", 0.125, 0, 0.25), ("Al", 0, 0, 0), ("Si", 0.375, 0, 0.25),
              ("O", -0.0382, 0.0457, 0.1512))),
    Textbook("Y3Al5O12", (3, 5, 12), "Ia-3d", _cubic(12.0),
             (("Y", 0.125, 0, 0.25), ("Al", 0, 0, 0), ("Al", 0.375, 0, 0.25),
              ("O", -0.0306, 0.0512, 0.15))),
    Textbook("bixbyite", (2, 3), "Ia-3", _cubic(10.117),
             (("In", 0.25, 0.25, 0.25), ("In", 0.466, 0, 0.25), ("O", 0.391, 0.155, 0.381))),
    Textbook("scheelite", (1, 1, 4), "I4_1/a", _tetragonal(5.243, 11.376),
             (("Ca", 0, 0, 0.5), ("W", 0, 0, 0), ("O", 0.2415, 0.1504, 0.0861))),
    Textbook("triphylite", (1, 1, 1, 4), "Pnma", (10.332, 6.01, 4.692, 90, 90, 90),
             (("Li", 0, 0, 0), ("Fe", 0.28217, 0.25, 0.97472), ("P", 0.09486, 0.25, 0.4182),
              ("O", 0.09678, 0.25, 0.74279), ("O", 0.4571, 0.25, 0.20602),
              ("O", 0.16558, 0.04646, 0.28478))),
    Textbook("forsterite", (1, 2, 4), "Pnma", (10.207, 5.98, 4.756, 90, 90, 90),
             (("Mg", 0, 0, 0), ("Mg", 0.2774, 0.25, 0.9915), ("Si", 0.094, 0.25, 0.4262),
              ("O", 0.0913, 0.25, 0.7657), ("O", 0.4474, 0.25, 0.2215),
              ("O", 0.1628, 0.0331, 0.2777))),
    Textbook("Li2MnO3", (1, 2, 3), "C2/m", (4.937, 8.532, 5.03, 90, 109.46, 90),
             (("Mn", 0, 0.16708, 0), ("Li", 0, 0.5, 0), ("Li", 0, 0, 0.5), ("Li", 0, 0.6606, 0.5),
              ("O", 0.2189, 0, 0.2273), ("O", 0.254, 0.32119, 0.2233))),
    Textbook("trirutile", (1, 2, 6), "P4_2/mnm", _tetragonal(4.664, 9.263),
             (("Zn", 0, 0, 0), ("Sb", 0, 0, 0.332), ("O", 0.305, 0.305, 0),
              ("O", 0.305, 0.305, 0.331))),
    Textbook("pseudobrookite", (1, 2, 5), "Cmcm", (3.73, 9.797, 9.981, 90, 90, 90),
             (("Ti", 0, 0.19, 0.25), ("Fe", 0, 0.135, 0.56), ("O", 0, 0.765, 0.25),
              ("O", 0, 0.047, 0.115), ("O", 0, 0.311, 0.071))),
    Textbook("BaNiO3", (1, 1, 3), "P6_3/mmc", _hexagonal(5.629, 4.811),
             (("Ba", THIRD, 2 * THIRD, 0.75), ("Ni", 0, 0, 0), ("O", 0.1462, 0.2924, 0.25))),
    Textbook("K2SO4", (1, 2, 4), "Pnma", (7.476, 5.763, 10.071, 90, 90, 90),
             (("K", 0.674, 0.25, 0.411), ("K", -0.011, 0.25, 0.705), ("S", 0.233, 0.25, 0.42),
              ("O", 0.038, 0.25, 0.417), ("O", 0.297, 0.25, 0.558), ("O", 0.301, 0.041, 0.352))),
    Textbook("diopside", (1, 1, 2, 6), "C2/c", (9.746, 8.899, 5.251, 90, 105.63, 90),
             (("Ca", 0, 0.3015, 0.25), ("Mg", 0, 0.9082, 0.25), ("Si", 0.2862, 0.0933, 0.2293),
              ("O", 0.1156, 0.0873, 0.1422), ("O", 0.3611, 0.25, 0.318),
              ("O", 0.3505, 0.0176, 0.9953))),
    Textbook("NaZr2P3O12", (1, 2, 3, 12), "R-3c", _hexagonal(8.804, 22.758),
             (("Na", 0, 0, 0), ("Zr", 0, 0, 0.1456), ("P", 0.2917, 0, 0.25),
              ("O", 0.1856, 0.17, 0.0866), ("O", 0.1916, -0.0248, 0.1953))),
    Textbook("Cs3Cr2Cl9", (2, 3, 9), "P6_3/mmc", _hexagonal(7.22, 17.93),
             (("Cs", 0, 0, 0.25), ("Cs", THIRD, 2 * THIRD, 0.075),
              ("Cr", THIRD, 2 * THIRD, 0.8456), ("Cl", 0.5085, 0.017, 0.25),
              ("Cl", 0.826, 0.652, 0.0895))),
    Textbook("ThCr2Si2", (1, 2, 2), "I4/mmm", _tetragonal(4.043, 10.577),
             (("Th", 0, 0, 0), ("Cr", 0, 0.5, 0.25), ("Si", 0, 0, 0.374))),
    Textbook("CaAl2Si2", (1, 2, 2), "P-3m1", _hexagonal(4.13, 7.145),
             (("Ca", 0, 0, 0), ("Al", THIRD, 2 * THIRD, 0.63), ("Si", THIRD, 2 * THIRD, 0.27))),
    Textbook("TiNiSi", (1, 1, 1), "Pnma", (6.1484, 3.6698, 7.0173, 90, 90, 90),
             (("Ti", 0.0212, 0.25, 0.1803), ("Ni", 0.142, 0.25, 0.5609),
              ("Si", 0.7651, 0.25, 0.6229))),
    Textbook("ZrNiAl", (1, 1, 1), "P-62m", _hexagonal(6.915, 3.466),
             (("Zr", 0.591, 0, 0.5), ("Al", 0.25, 0, 0), ("Ni", 0, 0, 0.5),
              ("Ni", THIRD, 2 * THIRD, 0))),
    Textbook("Mn5Si3", (3, 5), "P6_3/mcm", _hexagonal(6.91, 4.814),
             (("Mn", THIRD, 2 * THIRD, 0), ("Mn", 0.236, 0, 0.25), ("Si", 0.599, 0, 0.25))),
    Textbook("Th3P4", (3, 4), "I-43d", _cubic(8.653),
             (("Th", 0.375, 0, 0.25), ("P", 0.083, 0.083, 0.083))),
    Textbook("Th2Zn17", (2, 17), "R-3m", _hexagonal(9.03, 13.2),
             (("Th", 0, 0, THIRD), ("Zn", 0, 0, 0.097), ("Zn", 0.5, 0, 0.5), ("Zn", 0.3, 0, 0),
              ("Zn", 0.5, 0.5, 0.157))),
)  # fmt: skip
"""In order of their elements' count, oxides and halides first."""

COMMON = frozenset(
    """
    A_cF4_225_a A_cI2_229_a A_hP2_194_c A_cF8_227_a AB_cF8_225_a_b AB_cP2_221_b_a AB_cF8_216_c_a
    AB_hP4_186_b_b AB_hP4_194_c_a AB_oC8_63_c_c AB_cF16_227_a_b AB2_cF12_225_a_c
    A2B_tP6_136_f_a AB2_hP3_164_a_d AB2_hP6_194_c_f A2B_oP12_62_2c_c A2B_cF24_227_d_a
    AB2_hP12_194_f_ah A2B_tI12_140_h_a AB2_hP3_191_a_d AB2_cP12_205_a_c AB2_tI6_139_a_e
    A2B_hP9_152_c_a AB3_cP4_221_a_c A3B_cP8_223_c_a A3B_hP8_194_h_c AB3_cF16_225_a_bc
    AB3_oP16_62_c_cd AB3_hP8_194_c_bf AB3_hR8_148_c_f A3B_cP4_221_d_a A3B_cI32_204_g_c
    A2B3_hR10_167_c_e A2B3_hR5_166_c_ac A3B2_oP20_62_3c_2c AB5_hP6_191_a_cg A6B_cP7_221_f_a
    A12B_tI26_139_fij_a A4B_tI10_139_de_a A2BC4_cF56_227_d_a_e AB2C_cF16_225_a_c_b
    ABC_cF12_216_b_c_a AB3C_cP5_221_a_c_b AB3C_oP20_62_c_cd_a AB3C_hR10_148_c_f_c
    ABC3_hR10_167_a_b_e ABC2_hR4_166_a_b_c ABC2_tI16_122_a_b_d AB2C4_tI14_139_a_e_ce
    A4BC_tI24_141_h_b_a ABC_tP6_129_c_a_c ABCD_tP8_129_c_b_a_c A2BC4D_tI16_121_d_a_i_b
    A6B23_cF116_225_e_acfh A12B_cF52_225_i_a AB_tP2_123_a_d
    """.split()  # noqa: SIM905 - a list of names
)
"""AFLOW's labels of types that very many compounds have, which are preferred to rare ones."""
RARE = frozenset(["(NH4)3AlF6", "BaNiO3", "Cs3Cr2Cl9", "Th3P4", "K2SO4", "diopside"])
"""Types of the textbook that are no more usual than others: their likeness decides."""
