"""What people see: one module per kind of answer, values in, Rich renderables or JSON's own types out."""
