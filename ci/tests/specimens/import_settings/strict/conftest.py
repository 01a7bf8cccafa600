import app

app.LIMITS["rows"] = 1
