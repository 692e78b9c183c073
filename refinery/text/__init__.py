"""Formulas over text that several families share: personal data, normal forms, overlap."""
