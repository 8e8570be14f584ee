"""What a gradient must be: autodiff of the plain function, and differences with an error bar."""
