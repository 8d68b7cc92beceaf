"""The book: bilingual articles whose figures are running clusters."""
