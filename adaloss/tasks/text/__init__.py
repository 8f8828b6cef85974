"""Classification of texts with a recurrent network."""
