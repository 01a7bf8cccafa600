"""The tests of `Account` run once for each class that inherits them; their list of bookings is one and the same."""


class Account:
    bookings = []

    def test_a_starts_with_nothing(self):
        assert not self.bookings

    def test_b_is_an_account(self):
        assert isinstance(self.bookings, list)


class TestSavings(Account):
    bookings = []  # of its own


class TestCurrent(Account):
    def test_c_books(self):
        self.bookings.append(1)


class TestShared(Account):
    def test_b_is_an_account(self):
        super().test_b_is_an_account()
