"""The rendering of results: tables for people, JSON, YAML, CSV and Terraform for programs."""
