"""What a gradient must be: autodiff of the plain function, and differences with error bars."""
