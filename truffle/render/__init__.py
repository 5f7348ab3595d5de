"""How answers look: tables for people, JSON, YAML, CSV and Terraform for programs."""
