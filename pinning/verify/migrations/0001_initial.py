from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables of simulated users: their values, and their sessions."""

    initial = True

    operations = [
        migrations.CreateModel(
            name="Counter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("run", models.CharField(max_length=32)),
                ("session", models.IntegerField()),
                ("value", models.BigIntegerField(default=0)),
                ("made", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["run", "session"], name="pinning_verify_session"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Login",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("run", models.CharField(max_length=32)),
                ("key", models.TextField()),
            ],
        ),
    ]
