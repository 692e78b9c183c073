"""Business knowledge: documents cut into units, kept in versions, fetched by scenario."""
