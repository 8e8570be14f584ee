"""Tables that others wrote, trained on with the name of the target alone, beside scikit-learn."""
