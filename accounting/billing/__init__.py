"""From facts to statements: usage, sharing, rating, closing and corrections, and every figure taken apart."""
