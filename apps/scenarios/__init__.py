"""What is stored of a scenario, and the pages, forms and links that show and change it."""
