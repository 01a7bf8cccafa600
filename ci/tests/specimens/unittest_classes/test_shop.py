"""Classes of unittest: the shelf is set up once for the class, and `test_b_adds` leaves something on it."""

import unittest


class TestShelf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shelf = ["apple", "pear"]

    @classmethod
    def tearDownClass(cls):
        del cls.shelf

    def test_a_is_fresh(self):
        for fruit in self.shelf:
            with self.subTest(fruit):
                self.assertNotEqual(fruit, "rotten")

    def test_b_adds(self):
        self.shelf.append("rotten")

    @unittest.expectedFailure
    def test_c_expected_to_fail(self):
        self.assertEqual(self.shelf, [])


class TestPrices(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.prices = {"apple": 1}
        self.addCleanup(self.prices.clear)

    async def test_a_knows(self):
        self.assertEqual(self.prices, {"apple": 1})

    def test_b_learns(self):
        self.prices["pear"] = 2
