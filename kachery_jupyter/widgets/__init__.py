"""What notebooks show and click, of core ipywidgets: every front end with widgets has them."""
